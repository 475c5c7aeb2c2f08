// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.lang.ref.WeakReference;
import org.lwshm.jni.BackendNative;
import org.lwshm.jni.Status;

/**
 * What a process remembers of a backend: enough to end it when its thread has ended, or when no
 * reference to it is left. So it must not keep the backend, and with it the thread, from being
 * collected.
 *
 * <p>The natives themselves write the handle when a backend has joined, and zero when it has ended.
 * So it tells the truth whatever a thread throws in between. Guarded by {@link Backends}, but for
 * {@link #get}, which is the backend's own thread's.
 */
final class BackendHandle {

  private final long[] handle = new long[1];
  private final String threadName = Thread.currentThread().getName();
  private WeakReference<Backend> backend;

  /** Takes the native backend: the native writes its handle here. */
  long[] cell() {
    return handle;
  }

  /** The native backend; 0 if there is none, not yet or not any more. */
  long get() {
    return handle[0];
  }

  /** Says whose it is; until then it is an orphan. */
  void belongsTo(Backend owner) {
    backend = new WeakReference<>(owner);
  }

  /** The backend; null if there is none, not yet or not any more. */
  Backend backend() {
    return backend == null ? null : backend.get();
  }

  /** Whether no thread can use the backend any more. */
  boolean isOrphan() {
    Backend owner = backend();
    return owner == null || !owner.owner().isAlive();
  }

  /** Ends what the thread's calls have left half-done. */
  void mend() {
    Backend owner = backend();
    if (owner != null && handle[0] != 0) {
      owner.mend();
    }
  }

  /** Ends the backend as if its thread had been killed; returns how many locks it held. */
  int abandon() {
    if (handle[0] == 0) {
      return 0;
    }
    Backend owner = backend();
    if (owner != null) {
      owner.refuseAll();
    }
    int held = Status.check(BackendNative.heldLocks(handle[0]));
    Status.check(BackendNative.abandon(handle));
    return held;
  }

  @Override
  public String toString() {
    return "a backend of thread \"" + threadName + "\"";
  }
}
