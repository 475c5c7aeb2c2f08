// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;

/** Makes calls near the end of a thread's stack. */
public final class DeepStack {

  /** Depths to try, from the deepest one up: well beyond the first at which nothing overflows. */
  public static final int DEPTHS = 300;

  /** Returns a primitive, for boxing it is one more call, which might overflow. */
  public interface Call {
    boolean run() throws Exception;
  }

  private static final long BYTES = 256 << 10;

  private int up;
  private boolean isTrue;
  private boolean hasOverflown;
  private boolean wasOverflown;

  /** Runs {@code work} in a thread with a small stack. */
  public static <T> T run(Callable<T> work) throws Exception {
    FutureTask<T> task = new FutureTask<>(work);
    new Thread(null, task, "deep", BYTES).start();
    return task.get();
  }

  /**
   * Makes a call, {@code depth} levels above the one where the stack ends. Returns what it returns;
   * false if it overflows.
   */
  public boolean call(int depth, Call call) throws Exception {
    up = 0;
    isTrue = false;
    hasOverflown = false;
    descend(depth, call);
    wasOverflown |= hasOverflown;
    return isTrue;
  }

  private void descend(int depth, Call call) throws Exception {
    try {
      descend(depth, call);
    } catch (VirtualMachineError e) {
      // The stack's end; or an InternalError, if that was met on linking a lambda.
      hasOverflown = up > 0;
    }
    if (up++ == depth) {
      isTrue = call.run();
    }
  }

  /**
   * "good" if some calls have overflown and the last one has not, so that no depth was left out.
   */
  public String verdict() {
    return !wasOverflown ? "none overflows" : hasOverflown ? "all overflow" : "good";
  }
}
