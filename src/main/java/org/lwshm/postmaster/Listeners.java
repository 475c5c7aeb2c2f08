// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.util.List;
import java.util.function.Consumer;
import org.lwshm.Segment;
import org.lwshm.internal.Log;

/** Tells all listeners, whatever one of them throws. */
record Listeners(List<PostmasterListener> all) implements PostmasterListener {

  private static final Log LOG = Log.of(Listeners.class);

  private void tell(Consumer<PostmasterListener> what) {
    for (PostmasterListener listener : all) {
      try {
        what.accept(listener);
      } catch (RuntimeException | Error e) {
        LOG.error("a listener of the postmaster failed", e);
      }
    }
  }

  @Override
  public void segmentReady(Segment segment) {
    tell(listener -> listener.segmentReady(segment));
  }

  @Override
  public void childStarted(ChildInfo child) {
    tell(listener -> listener.childStarted(child));
  }

  @Override
  public void childEnded(ChildInfo child, ChildEnd end) {
    tell(listener -> listener.childEnded(child, end));
  }

  @Override
  public void repaired(int locks) {
    tell(listener -> listener.repaired(locks));
  }

  @Override
  public void restartingAll(String reason) {
    tell(listener -> listener.restartingAll(reason));
  }
}
