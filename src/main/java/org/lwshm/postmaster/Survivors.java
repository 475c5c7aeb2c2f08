// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.lwshm.LwshmException;
import org.lwshm.SegmentInUseException;
import org.lwshm.internal.Log;
import org.lwshm.jni.ProcessNative;
import org.lwshm.jni.Status;

/**
 * The children of a postmaster that was killed. As a rule the kernel sends them a signal then. But
 * a program that is set-id or changes its credentials loses that, and any may ignore it. So the
 * next postmaster ends them by their {@link ChildrenFile} before it begins. For its thread.
 */
final class Survivors {

  private static final Log LOG = Log.of(Postmaster.class);

  private final PostmasterOptions options;
  private final List<Long> alive;

  private Survivors(PostmasterOptions options, List<Long> alive) {
    this.options = options;
    this.alive = alive;
  }

  /**
   * Terminates them, and kills those that have not ended after the stop timeout.
   *
   * @return false if {@code pause} says that there is no more to wait
   * @throws SegmentInUseException if one lives after the start timeout, with its pid
   */
  static boolean end(PostmasterOptions options, Ownership.Pause pause) throws InterruptedException {
    List<Long> alive = find(options);
    return alive.isEmpty() || new Survivors(options, alive).end(pause);
  }

  private static List<Long> find(PostmasterOptions options) {
    List<Long> alive = new ArrayList<>();
    ChildrenFile.read(options.dataDir())
        .filter(file -> file.owner().isOfHere() && file.owner().isDead())
        .ifPresent(file -> file.lines().forEach(line -> alive.add(line.identity())));
    alive.removeIf(Survivors::isDead);
    return alive;
  }

  private static boolean isDead(long identity) {
    return identity == 0 || ProcessNative.isDead(identity) == 1;
  }

  private boolean end(Ownership.Pause pause) throws InterruptedException {
    Alarm kill = new Alarm();
    Alarm giveUp = new Alarm();
    kill.set(options.stopTimeout());
    giveUp.set(options.startTimeout());
    LOG.warn("ending children of an earlier life, which have survived it: {}", pids());
    signal(PostmasterSignals.TERMINATE);
    while (!alive.isEmpty()) {
      if (giveUp.rings()) {
        throw inUse();
      }
      if (kill.rings()) {
        LOG.warn("killing children of an earlier life, which did not end in time: {}", pids());
        signal(PostmasterSignals.KILL);
      }
      if (!pause.goOn()) {
        return false;
      }
      alive.removeIf(Survivors::isDead);
    }
    return true;
  }

  private void signal(PostmasterSignals.Kind signal) {
    for (long identity : alive) {
      try {
        Status.check(ProcessNative.signal(identity, signal.number()));
      } catch (LwshmException e) {
        LOG.warn("SIG{} cannot be sent: {}", signal.name(), e.getMessage());
      }
    }
  }

  private List<Integer> pids() {
    return alive.stream().map(ProcessNative::pid).toList();
  }

  private SegmentInUseException inUse() {
    List<Integer> pids = pids();
    return new SegmentInUseException(
        "data directory \""
            + options.dataDir()
            + "\" is still in use by process "
            + pids.stream().map(Object::toString).collect(Collectors.joining(", "))
            + "; an earlier postmaster has started it, and it does not end: end it (kill -9), or"
            + " use another directory",
        pids);
  }
}
