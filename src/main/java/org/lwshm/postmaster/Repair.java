// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import org.lwshm.LwshmException;
import org.lwshm.Segment;
import org.lwshm.internal.Log;

/**
 * What is done about locks that the dead have left poisoned: a child has what they guard repaired,
 * since the postmaster takes no lock. Whether it has, is seen by the locks' words alone. For the
 * postmaster's thread.
 */
final class Repair {

  private static final Log LOG = Log.of(Postmaster.class);

  private final PostmasterOptions options;
  private final Children children;
  private final Alarm timeout = new Alarm();
  private int poisonedBefore;
  private boolean crashedMeanwhile;
  private int inVain;

  Repair(PostmasterOptions options, Children children) {
    this.options = options;
    this.children = children;
  }

  /** Whether somebody repairs; nobody is started then, who might find what is not repaired yet. */
  boolean isUnderWay() {
    return children.repairPlace() != null && !children.repairPlace().isEmpty();
  }

  /**
   * Has somebody repair, now or once whoever does has ended.
   *
   * @return null, or why that cannot be done
   */
  String begin(Segment segment, int poisoned) {
    ChildPlace place = children.repairPlace();
    if (place == null) {
      return poisoned + " locks are poisoned, and there is no repairer";
    }
    crashedMeanwhile = isUnderWay();
    if (crashedMeanwhile) {
      return null;
    }
    poisonedBefore = poisoned;
    try {
      ChildInfo child = children.start(segment, place);
      LOG.info("{} repairs what {} locks guard", child, poisoned);
      timeout.set(options.repairTimeout());
      options.listener().childStarted(child);
      return null;
    } catch (IllegalArgumentException | LwshmException e) {
      LOG.error("the repairer cannot be started", e);
      return "the repairer cannot be started";
    }
  }

  /**
   * Who repaired has ended.
   *
   * @return null if all is well or is being repaired again, or why it is not
   */
  String end(Segment segment, ChildEnd end) {
    timeout.clear();
    int poisoned = Children.poisoned(segment);
    if (!end.isSuccess()) {
      return "the repair has failed: it " + end;
    }
    if (poisoned > 0 && (crashedMeanwhile || inVain == 0)) {
      // Who died behind the repairer's back may be one whose end we have not heard of yet.
      inVain += crashedMeanwhile ? 0 : 1;
      return begin(segment, poisoned);
    }
    if (poisoned > 0) {
      return "the repair has left " + poisoned + " locks poisoned";
    }
    inVain = 0;
    options.listener().repaired(poisonedBefore);
    return null;
  }

  /** The segment is another one. */
  void forget() {
    inVain = 0;
  }

  /** Kills it if it takes too long. */
  void lookAtTime() {
    if (timeout.rings() && isUnderWay()) {
      LOG.warn("the repair takes longer than {}; killing it", options.repairTimeout());
      children.repairPlace().process().stop(PostmasterSignals.KILL);
    }
  }

  /** The nanoseconds until it takes too long, as far as {@code most}. */
  long left(long most) {
    return timeout.left(most);
  }
}
