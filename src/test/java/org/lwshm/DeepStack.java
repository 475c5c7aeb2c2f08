// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;

/** Makes a call at every depth of a thread's stack, from its end up to where the call fits. */
public final class DeepStack {

  /** Returns a primitive, for boxing it is one more call, which might overflow. */
  public interface Call {
    boolean run() throws Exception;
  }

  private static final long BYTES = 256 << 10;

  /** Depths between two levels of the recursion, whose frames are larger than what may overflow. */
  private static final int BETWEEN = 8;

  /** The call fits where it has fitted so often in a row. */
  private static final int ENOUGH = 8 * BETWEEN;

  private int depth;
  private int fitting;
  private int up;
  private boolean isTrue;
  private boolean hasOverflown;

  /** Runs {@code work} in a thread with a small stack. */
  public static <T> T run(Callable<T> work) throws Exception {
    FutureTask<T> task = new FutureTask<>(work);
    new Thread(null, task, "deep", BYTES).start();
    return task.get();
  }

  /** Whether there is a depth left to try. */
  public boolean hasNext() {
    return fitting < ENOUGH;
  }

  /** Makes a call at the next depth. Returns what it returns; false if it overflows. */
  public boolean call(Call call) throws Exception {
    up = 0;
    isTrue = false;
    hasOverflown = false;
    shift(depth % BETWEEN, 0, depth / BETWEEN, call);
    depth++;
    fitting = hasOverflown ? 0 : fitting + 1;
    return isTrue;
  }

  /** Calls itself {@code steps} times, with a frame that is two words larger than the other's. */
  private void shift(int steps, long twoWords, int level, Call call) throws Exception {
    if (steps > 0) {
      shift(steps - 1, twoWords, level, call);
    } else {
      descend(level, call);
    }
  }

  private void descend(int level, Call call) throws Exception {
    try {
      descend(level, call);
    } catch (VirtualMachineError e) {
      // The stack's end; or an InternalError, if that was met on linking a lambda.
      hasOverflown = up > 0;
    }
    if (up++ == level) {
      isTrue = call.run();
    }
  }

  @Override
  public String toString() {
    return "depth " + depth;
  }
}
