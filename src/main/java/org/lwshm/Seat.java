// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.lang.ref.WeakReference;
import org.lwshm.jni.BackendNative;
import org.lwshm.jni.Status;

/**
 * What a process remembers of a backend: enough to end it when its thread has ended, or when nobody
 * refers to it any more. So it must not keep the backend, and with it the thread, from being
 * collected.
 */
final class Seat extends WeakReference<Backend> {

  private final long handle;
  private final int slot;
  private final String threadName;

  Seat(Backend backend) {
    super(backend);
    handle = backend.handle();
    slot = backend.slot();
    threadName = backend.owner().getName();
  }

  /** Whether nobody can use the backend any more. */
  boolean isOrphan() {
    Backend backend = get();
    return backend == null || !backend.owner().isAlive();
  }

  /** Ends what the thread's calls have left half-done. */
  void mend() {
    Backend backend = get();
    if (backend != null) {
      backend.mend();
    }
  }

  /** Ends an orphan as if it had been killed; returns how many locks it held. */
  int abandon() {
    Backend backend = get();
    if (backend != null) {
      backend.refuseAll();
    }
    int held = Status.check(BackendNative.heldLocks(handle));
    Status.check(BackendNative.abandon(handle));
    return held;
  }

  @Override
  public String toString() {
    return "backend " + slot + " of thread \"" + threadName + "\"";
  }
}
