// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongFunction;
import java.util.function.LongToIntFunction;
import org.lwshm.jni.SegmentNative;
import org.lwshm.jni.Status;

/**
 * The native handle of a segment, kept from being used when it is stale.
 *
 * <p>Calls with the handle go through a gate that detaching closes: they hold it shared, and the
 * memory is taken away, and the handle freed, by who holds it exclusively. Access to the memory
 * itself passes no gate; see {@link PlainAccess} why it need not.
 */
final class Attachment {

  /** How long a fence waits for calls to end, which it can do without. */
  private static final long PATIENCE_MS = 200;

  private final ReadWriteLock gate = new ReentrantReadWriteLock();
  private final long handle;
  private final long[] info = new long[SegmentNative.INFO_COUNT];

  // Plain on purpose: a volatile read in every access would keep the JIT from hoisting the check.
  private boolean gone;
  private boolean detached;
  private boolean freed;

  Attachment(long handle) {
    this.handle = handle;
    Status.check(SegmentNative.info(handle, info));
  }

  /** What {@code lwshm_segment_info} said when the segment was attached. */
  long info(int index) {
    return info[index];
  }

  /** The address of the segment's first byte. */
  long base() {
    return info[SegmentNative.INFO_BASE];
  }

  boolean isGone() {
    return gone;
  }

  IllegalStateException closed() {
    return new IllegalStateException(
        "segment " + info[SegmentNative.INFO_SHMID] + " is closed; create or attach it anew");
  }

  /** Calls a native and checks its status. */
  int call(LongToIntFunction nativeCall) {
    return get(h -> Status.check(nativeCall.applyAsInt(h)));
  }

  /** Calls natives. */
  <T> T get(LongFunction<T> natives) {
    Lock shared = gate.readLock();
    shared.lock();
    try {
      if (gone) {
        throw closed();
      }
      return natives.apply(handle);
    } finally {
      shared.unlock();
    }
  }

  /**
   * Puts private zeros in the memory's place, once.
   *
   * @param fence whoever is still joined, and whoever is inside a call and does not come out
   */
  void detach(boolean fence) {
    Lock exclusive = gate.writeLock();
    boolean alone = fence ? tryLock(exclusive) : lock(exclusive);
    try {
      if (!detached) {
        gone = true;
        int how = fence ? SegmentNative.DETACH_FENCE : SegmentNative.DETACH_KEEP_ADDRESS;
        Status.check(SegmentNative.detach(handle, how));
        detached = true;
      }
    } finally {
      if (alone) {
        exclusive.unlock();
      }
    }
  }

  private static boolean lock(Lock exclusive) {
    exclusive.lock();
    return true;
  }

  /**
   * A call may wait for another process, which may be stopped, and learns that it shall not only
   * from the fence itself: so the fence cannot wait for the call.
   */
  private static boolean tryLock(Lock exclusive) {
    boolean interrupted = Thread.interrupted();
    try {
      return exclusive.tryLock(PATIENCE_MS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
      return exclusive.tryLock();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Frees the handle, once; not if detaching failed, for then it would be unmapped. */
  void free() {
    Lock exclusive = gate.writeLock();
    exclusive.lock();
    try {
      if (detached && !freed) {
        freed = true;
        Status.check(SegmentNative.close(handle));
      }
    } finally {
      exclusive.unlock();
    }
  }
}
