// SPDX-License-Identifier: Apache-2.0

package org.lwshm.sync;

import java.lang.ref.Reference;
import java.util.concurrent.TimeUnit;
import org.lwshm.Backend;
import org.lwshm.LimitExceededException;
import org.lwshm.NotFoundException;
import org.lwshm.Segment;
import org.lwshm.SegmentBuilder;
import org.lwshm.SemaphoreKind;
import org.lwshm.SizeMismatchException;
import org.lwshm.internal.SegmentAccess;
import org.lwshm.jni.SemaphoreNative;
import org.lwshm.jni.Status;

/**
 * A counting semaphore in shared memory, in the manner of {@link java.util.concurrent.Semaphore},
 * for the threads of any number of processes.
 *
 * <p>There are two kinds. A {@link SemaphoreKind#PLAIN plain} one is a number: anybody adds permits
 * to it and takes some from it. An {@link SemaphoreKind#OWNED owned} one remembers who has its
 * permits: only who acquired some releases them, and those of a {@link Backend} that left or died
 * come back, to whoever waits for some or comes later.
 *
 * <p>Permits are taken all at once or not at all, and in no particular order: who asks for many may
 * wait while others take single ones.
 *
 * <p>Methods that take a {@link Backend} want the calling thread's own; those without look it up,
 * which costs a little more. All that use one throw {@link IllegalStateException} if it is another
 * thread's or is closed, {@link IllegalArgumentException} if it is of another segment, and also if
 * fewer than 1 permits are asked for.
 *
 * <p>To acquire and to release permits of an owned semaphore takes a lock of its own for a moment.
 * A {@link Backend} that holds as many locks as it may ({@link SegmentBuilder#maxHeldLocks}) hears
 * {@link LimitExceededException}, from {@code release}, too: keep one to spare.
 *
 * <p>A virtual thread that waits does not keep its carrier from others: it tries again and again,
 * at intervals of up to about a millisecond, and lets others run in between. {@link
 * Segment#backends()} shows it waiting only now and then.
 *
 * <p>Source: PostgreSQL's PGSemaphore (src/include/storage/pg_sema.h) for its place in the house.
 */
public final class Semaphore {

  private static final SegmentAccess ACCESS = SegmentAccess.get();

  private final Segment segment;
  private final String name;
  private final SemaphoreKind kind;
  private final long offset;
  private final boolean found;

  private Semaphore(Segment segment, String name, long[] semaphore) {
    this.segment = segment;
    this.name = name;
    kind =
        semaphore[SemaphoreNative.SEMAPHORE_KIND] == SemaphoreNative.OWNED
            ? SemaphoreKind.OWNED
            : SemaphoreKind.PLAIN;
    offset = semaphore[SemaphoreNative.SEMAPHORE_OFFSET];
    found = semaphore[SemaphoreNative.SEMAPHORE_FOUND] != 0;
  }

  /**
   * Finds a semaphore, or makes it, if there is room for it. One that is found keeps the permits
   * that it has.
   *
   * @param segment where
   * @param name its name, 1 to 47 bytes of UTF-8; among structs, and of an owned one among tranches
   * @param permits that it has at first, 0 or more
   * @param kind which
   * @return the semaphore
   * @throws SizeMismatchException if a struct of that name exists with another size
   * @throws NotFoundException if a struct of that name exists and is no semaphore of that kind
   * @throws LimitExceededException if there is no room for it
   */
  public static Semaphore init(Segment segment, String name, int permits, SemaphoreKind kind) {
    return new Semaphore(segment, name, ACCESS.initSemaphore(segment, name, permits, kind));
  }

  /**
   * Finds a semaphore.
   *
   * @param segment where
   * @param name its name
   * @return the semaphore
   * @throws NotFoundException if there is none of that name
   */
  public static Semaphore find(Segment segment, String name) {
    return new Semaphore(segment, name, ACCESS.findSemaphore(segment, name));
  }

  /** {@return the segment it lies in} */
  public Segment segment() {
    return segment;
  }

  /** {@return its name} */
  public String name() {
    return name;
  }

  /** {@return what it knows of its permits} */
  public SemaphoreKind kind() {
    return kind;
  }

  /** {@return its byte offset in the segment, which names it in {@code BackendInfo}} */
  public long offset() {
    return offset;
  }

  /** {@return whether it was there already when this object was got} */
  public boolean isFound() {
    return found;
  }

  /**
   * Takes a permit, sleeping as long as it takes or until the thread is interrupted, which is
   * noticed within 50 milliseconds.
   *
   * @param backend the calling thread's
   * @throws InterruptedException if the thread is interrupted, before or meanwhile
   */
  public void acquire(Backend backend) throws InterruptedException {
    acquire(backend, 1);
  }

  /**
   * Takes permits.
   *
   * @param backend the calling thread's
   * @param permits how many, 1 or more
   * @throws InterruptedException if the thread is interrupted, before or meanwhile
   * @see #acquire(Backend)
   */
  public void acquire(Backend backend, int permits) throws InterruptedException {
    SemaphoreWait.acquireInterruptibly(this, backend, permits, SemaphoreWait.FOREVER);
  }

  /**
   * Takes a permit with the calling thread's own backend.
   *
   * @throws InterruptedException if the thread is interrupted, before or meanwhile
   * @see #acquire(Backend)
   */
  public void acquire() throws InterruptedException {
    acquire(segment.backend(), 1);
  }

  /**
   * Takes permits with the calling thread's own backend.
   *
   * @param permits how many, 1 or more
   * @throws InterruptedException if the thread is interrupted, before or meanwhile
   * @see #acquire(Backend)
   */
  public void acquire(int permits) throws InterruptedException {
    acquire(segment.backend(), permits);
  }

  /**
   * Takes a permit, sleeping as long as it takes. Interrupts are not looked at.
   *
   * @param backend the calling thread's
   */
  public void acquireUninterruptibly(Backend backend) {
    acquireUninterruptibly(backend, 1);
  }

  /**
   * Takes permits, sleeping as long as it takes. Interrupts are not looked at.
   *
   * @param backend the calling thread's
   * @param permits how many, 1 or more
   */
  public void acquireUninterruptibly(Backend backend, int permits) {
    if (ACCESS.isVirtual(backend)) {
      SemaphoreWait.acquire(this, backend, permits);
    } else {
      acquireTimed(backend, permits, SemaphoreWait.FOREVER);
    }
  }

  /**
   * Takes a permit with the calling thread's own backend.
   *
   * @see #acquireUninterruptibly(Backend)
   */
  public void acquireUninterruptibly() {
    acquireUninterruptibly(segment.backend(), 1);
  }

  /**
   * Takes permits with the calling thread's own backend.
   *
   * @param permits how many, 1 or more
   * @see #acquireUninterruptibly(Backend)
   */
  public void acquireUninterruptibly(int permits) {
    acquireUninterruptibly(segment.backend(), permits);
  }

  /**
   * Takes a permit if there is one. Of an owned semaphore, the permits of the dead come back to
   * callers that only try, too, but a little later than to those that wait.
   *
   * @param backend the calling thread's
   * @return whether it was taken
   */
  public boolean tryAcquire(Backend backend) {
    return tryAcquire(backend, 1);
  }

  /**
   * Takes permits if there are so many.
   *
   * @param backend the calling thread's
   * @param permits how many, 1 or more
   * @return whether they were taken
   * @see #tryAcquire(Backend)
   */
  public boolean tryAcquire(Backend backend, int permits) {
    return acquireTimed(backend, permits, 0);
  }

  /**
   * Takes a permit with the calling thread's own backend, if there is one.
   *
   * @return whether it was taken
   * @see #tryAcquire(Backend)
   */
  public boolean tryAcquire() {
    return tryAcquire(segment.backend(), 1);
  }

  /**
   * Takes permits with the calling thread's own backend, if there are so many.
   *
   * @param permits how many, 1 or more
   * @return whether they were taken
   * @see #tryAcquire(Backend)
   */
  public boolean tryAcquire(int permits) {
    return tryAcquire(segment.backend(), permits);
  }

  /**
   * Takes a permit, sleeping for a given time at most, or until the thread is interrupted.
   *
   * @param backend the calling thread's
   * @param timeout how long; 0 or less does not sleep
   * @param unit of {@code timeout}
   * @return whether it was taken
   * @throws InterruptedException if the thread is interrupted, before or meanwhile
   */
  public boolean tryAcquire(Backend backend, long timeout, TimeUnit unit)
      throws InterruptedException {
    return tryAcquire(backend, 1, timeout, unit);
  }

  /**
   * Takes permits, sleeping for a given time at most, or until the thread is interrupted.
   *
   * @param backend the calling thread's
   * @param permits how many, 1 or more
   * @param timeout how long; 0 or less does not sleep
   * @param unit of {@code timeout}
   * @return whether they were taken
   * @throws InterruptedException if the thread is interrupted, before or meanwhile
   */
  public boolean tryAcquire(Backend backend, int permits, long timeout, TimeUnit unit)
      throws InterruptedException {
    return SemaphoreWait.acquireInterruptibly(this, backend, permits, unit.toNanos(timeout));
  }

  /**
   * Takes a permit with the calling thread's own backend, sleeping for a given time at most.
   *
   * @param timeout how long; 0 or less does not sleep
   * @param unit of {@code timeout}
   * @return whether it was taken
   * @throws InterruptedException if the thread is interrupted, before or meanwhile
   */
  public boolean tryAcquire(long timeout, TimeUnit unit) throws InterruptedException {
    return tryAcquire(segment.backend(), 1, timeout, unit);
  }

  /**
   * Takes permits with the calling thread's own backend, sleeping for a given time at most.
   *
   * @param permits how many, 1 or more
   * @param timeout how long; 0 or less does not sleep
   * @param unit of {@code timeout}
   * @return whether they were taken
   * @throws InterruptedException if the thread is interrupted, before or meanwhile
   */
  public boolean tryAcquire(int permits, long timeout, TimeUnit unit) throws InterruptedException {
    return tryAcquire(segment.backend(), permits, timeout, unit);
  }

  /**
   * Gives a permit back, or, to a plain semaphore, in addition.
   *
   * @param backend the calling thread's
   * @see #release(Backend, int)
   */
  public void release(Backend backend) {
    release(backend, 1);
  }

  /**
   * Gives permits back, or, to a plain semaphore, in addition.
   *
   * @param backend the calling thread's
   * @param permits how many, 1 or more
   * @throws IllegalMonitorStateException if the semaphore is owned and the backend has not so many
   *     of it; nothing has happened then
   * @throws LimitExceededException if there would be more than {@link Integer#MAX_VALUE}, or if the
   *     semaphore is owned and the backend holds as many locks as it may
   */
  public void release(Backend backend, int permits) {
    long handle = ACCESS.releaser(backend, segment);
    check(backend, SemaphoreNative.release(handle, offset, permits));
  }

  /**
   * Gives a permit back with the calling thread's own backend.
   *
   * @see #release(Backend, int)
   */
  public void release() {
    release(segment.backend(), 1);
  }

  /**
   * Gives permits back with the calling thread's own backend.
   *
   * @param permits how many, 1 or more
   * @see #release(Backend, int)
   */
  public void release(int permits) {
    release(segment.backend(), permits);
  }

  /**
   * How many permits are there to be taken at this moment. Those of the dead are among them once a
   * thread has asked for more than there were. Any thread.
   *
   * @return how many
   */
  public int availablePermits() {
    return ACCESS.call(segment, handle -> SemaphoreNative.available(handle, offset));
  }

  /**
   * How many permits of an owned semaphore a backend has.
   *
   * @param backend the calling thread's
   * @return how many; 0 if the semaphore is plain
   */
  public int heldBy(Backend backend) {
    long handle = ACCESS.releaser(backend, segment);
    return check(backend, SemaphoreNative.heldBy(handle, offset));
  }

  /**
   * How many permits of an owned semaphore the calling thread has.
   *
   * @return how many; 0 if the semaphore is plain. A thread that has not joined joins now.
   */
  public int heldByCurrentThread() {
    return heldBy(segment.backend());
  }

  /** Takes permits, in C, which keeps the thread; interrupts are not looked at. */
  boolean acquireTimed(Backend backend, int permits, long timeoutNs) {
    long handle = ACCESS.acquirer(backend, segment);
    int status = SemaphoreNative.acquireTimed(handle, offset, permits, timeoutNs);
    Reference.reachabilityFence(backend);
    // Nothing else is called once permits are taken: the stack might end there.
    return status < 0 ? Status.check(status) == 1 : status == 1;
  }

  /** Checks the status of a native call. A backend that is collected during one is ended. */
  private static int check(Backend backend, int status) {
    Reference.reachabilityFence(backend);
    return Status.check(status);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Semaphore semaphore
        && semaphore.segment == segment
        && semaphore.offset == offset;
  }

  @Override
  public int hashCode() {
    return 31 * System.identityHashCode(segment) + Long.hashCode(offset);
  }

  /** {@return the name and the permits that are there, as in "connections[3 permits]"} */
  @Override
  public String toString() {
    return name + "[" + (segment.isClosed() ? "closed" : availablePermits() + " permits") + "]";
  }
}
