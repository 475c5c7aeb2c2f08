// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.function.LongToIntFunction;
import org.lwshm.jni.SegmentNative;
import org.lwshm.jni.Status;

/**
 * The native handle of a segment, kept from being used when it is stale.
 *
 * <p>Every native that takes the handle passes a gate on the native side. Detaching shuts the gate
 * and waits until the calls inside have come back. No lock is held in Java meanwhile, so nothing
 * that a caller throws, a {@code StackOverflowError} included, can leave the gate in use. Access to
 * the memory itself passes no gate; see {@link PlainAccess} why it need not.
 */
final class Attachment {

  /** How long detaching waits for calls to come back before it fails. */
  private static final long PATIENCE_MS = 10_000;

  /** The same for a fence, which can do without. */
  private static final long FENCE_PATIENCE_MS = 200;

  private static final long LOOK_AGAIN_MS = 1;

  private final long handle;
  private final long[] info = new long[SegmentNative.INFO_COUNT];

  // Plain on purpose: a volatile read in every access would keep the JIT from hoisting the check.
  private boolean gone;
  private boolean detached;

  /** Whether a caller may have an address in the memory, or be about to get one. */
  private volatile boolean handsOut;

  Attachment(long handle) {
    this.handle = handle;
    Status.check(SegmentNative.info(handle, info));
  }

  /** What {@code lwshm_segment_info} said when the segment was attached. */
  long info(int index) {
    return info[index];
  }

  /**
   * To be called before the native call that finds something whose address a caller gets. A close
   * that waits for that call then leaves the address range reserved.
   */
  void handOut() {
    handsOut = true;
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
    int status = gone ? SegmentNative.SHUT : nativeCall.applyAsInt(handle);
    if (status == SegmentNative.SHUT) {
      throw closed();
    }
    return Status.check(status);
  }

  /** Calls a native that returns an object, or null if the segment is closed. */
  <T> T get(LongFunction<T> nativeCall) {
    T result = gone ? null : nativeCall.apply(handle);
    if (result == null) {
      throw closed();
    }
    return result;
  }

  /**
   * Puts private zeros in the memory's place, once; or nothing, if no caller has an address in it.
   * If this fails, the segment is as it was, and it may be tried again. For one thread at a time.
   *
   * @param fence whether to cut off the threads that are joined, or inside a call that does not
   *     return
   * @throws SegmentBusyException if threads are joined or inside a call, and {@code fence} is false
   */
  void detach(boolean fence) {
    if (detached) {
      return;
    }
    gone = true;
    try {
      awaitCalls(fence);
      int status = SegmentNative.detach(handle, how(fence));
      detached = status >= 0;
      Status.check(status);
    } finally {
      if (!detached) {
        gone = false;
        SegmentNative.reopen(handle);
      }
    }
  }

  private int how(boolean fence) {
    if (fence) {
      return SegmentNative.DETACH_FENCE;
    }
    return handsOut ? SegmentNative.DETACH_KEEP_ADDRESS : SegmentNative.DETACH_UNMAP;
  }

  /**
   * A call may wait for another process, which may be stopped, and learns that it shall not only
   * from the fence itself: so a fence does not wait for it long.
   */
  private void awaitCalls(boolean fence) {
    long patience = TimeUnit.MILLISECONDS.toNanos(fence ? FENCE_PATIENCE_MS : PATIENCE_MS);
    long deadline = System.nanoTime() + patience;
    for (int calls = SegmentNative.shut(handle); calls > 0; calls = SegmentNative.shut(handle)) {
      if (System.nanoTime() - deadline > 0) {
        if (fence) {
          return;
        }
        throw new SegmentBusyException(
            "segment "
                + info[SegmentNative.INFO_SHMID]
                + " cannot be closed: "
                + calls
                + " calls of other threads are inside and do not come back",
            List.of());
      }
      Uninterrupted.sleep(LOOK_AGAIN_MS);
    }
  }

  /** Frees the handle; not if detaching failed, for then it would be unmapped. */
  void free() {
    if (detached) {
      Status.check(SegmentNative.close(handle));
    }
  }

  /** Leaves a segment that was never handed out: no thread is joined or has an address in it. */
  static void discard(long handle) {
    long[] info = new long[SegmentNative.INFO_COUNT];
    if (SegmentNative.info(handle, info) == SegmentNative.SHUT) {
      return; // it was discarded before
    }
    Status.check(SegmentNative.detach(handle, SegmentNative.DETACH_UNMAP));
    Status.check(SegmentNative.close(handle));
  }
}
