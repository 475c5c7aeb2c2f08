// SPDX-License-Identifier: Apache-2.0

package org.lwshm.internal;

import java.lang.invoke.MethodHandles;
import java.time.Duration;
import java.util.function.LongToIntFunction;
import org.lwshm.Backend;
import org.lwshm.ExitCallback;
import org.lwshm.Segment;
import org.lwshm.SemaphoreKind;

/**
 * What packages that build on {@code org.lwshm} may do and its users may not: call natives with the
 * handles of a segment and of a backend, and only after the checks that keep a stale one from being
 * used.
 *
 * <p>{@link Segment} sets the one instance when it is initialised. The manner is that of the JDK's
 * {@code SharedSecrets}; without it the API would have public methods that nobody should call. It
 * is no part of {@code org.lwshm.jni}, because that knows nothing of the API.
 */
public abstract class SegmentAccess {

  private static volatile SegmentAccess instance;

  /** For {@code org.lwshm} alone. */
  protected SegmentAccess() {}

  /**
   * Makes it known.
   *
   * @param access the one instance, of {@code org.lwshm}
   */
  public static void set(SegmentAccess access) {
    instance = access;
  }

  /** {@return the one instance} */
  public static SegmentAccess get() {
    if (instance == null) {
      try {
        MethodHandles.lookup().ensureInitialized(Segment.class);
      } catch (IllegalAccessException e) {
        throw new AssertionError(e);
      }
    }
    return instance;
  }

  /**
   * Calls a native with a segment's handle and checks its status.
   *
   * @param segment which
   * @param nativeCall takes the handle; must not sleep, for it keeps the segment from being closed
   * @return its result, 0 or more
   * @throws IllegalStateException if the segment is closed
   */
  public abstract int call(Segment segment, LongToIntFunction nativeCall);

  /**
   * Has a postmaster's children ended before any other exit callback runs.
   *
   * @param segment that they are in
   * @param callback ends them
   * @param longest how long that may take
   */
  public abstract void onChildrenEnd(Segment segment, ExitCallback callback, Duration longest);

  /**
   * Finds a semaphore, or makes it.
   *
   * @param segment where
   * @param name its name
   * @param permits that it has at first
   * @param kind which
   * @return what {@code SemaphoreNative.init} said of it
   */
  public abstract long[] initSemaphore(
      Segment segment, String name, int permits, SemaphoreKind kind);

  /**
   * Finds a semaphore.
   *
   * @param segment where
   * @param name its name
   * @return what {@code SemaphoreNative.find} said of it
   */
  public abstract long[] findSemaphore(Segment segment, String name);

  /**
   * A backend's handle, for the calling thread to acquire something with.
   *
   * @param backend whose
   * @param segment that it must be of
   * @return the handle, which is good until the calling thread closes the backend
   * @throws IllegalStateException if it is another thread's, is closed, or may acquire no more
   * @throws IllegalArgumentException if it is of another segment
   */
  public abstract long acquirer(Backend backend, Segment segment);

  /**
   * A backend's handle, for the calling thread to release something with, or to look.
   *
   * @param backend whose
   * @param segment that it must be of
   * @return the handle, which is good until the calling thread closes the backend
   * @throws IllegalStateException if it is another thread's or is closed
   * @throws IllegalArgumentException if it is of another segment
   */
  public abstract long releaser(Backend backend, Segment segment);

  /**
   * Whether a backend's thread is a virtual one, which must not sleep in a native.
   *
   * @param backend whose
   * @return whether it is
   */
  public abstract boolean isVirtual(Backend backend);
}
