// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReadWriteLock;
import org.lwshm.jni.LWLockNative;
import org.lwshm.jni.Layout;
import org.lwshm.jni.RawMemory;
import org.lwshm.jni.Status;
import org.lwshm.jni.TrancheNative;

/**
 * A lightweight lock in shared memory: held by one backend exclusively or by any number of them
 * shared, whatever process they are of.
 *
 * <p>Not reentrant: asking for a lock that the backend holds already is an error at once, in either
 * mode. The uncontended path is here, in Java, on the lock's own words; all that can sleep or fail
 * is in C. docs/lock-protocol.md explains the protocol, and {@code core/lwlock.c} is its reference.
 *
 * <p>A thread locks with its own {@link Backend}. Methods without one look it up, and have the
 * thread {@linkplain Segment#join() join} if it has not, so as many threads as lock at one time
 * need slots ({@link SegmentBuilder#maxBackends}). Methods that take a backend save the lookup. All
 * throw {@link IllegalStateException} if the backend is another thread's or is closed, and {@link
 * IllegalArgumentException} if it is of another segment.
 *
 * <p>If a holder is killed, the others go on: a shared hold ends, an exclusive one too, but then
 * the lock is <i>poisoned</i>, because what it guards may be half-changed. The next acquire, in
 * either mode, calls the {@link RepairCallback} of the lock's tranche first, or, if there is none,
 * throws {@link OwnerDiedException}. The same goes for a thread that ends without closing its
 * backend. To drop the backend is not enough: the thread keeps it as long as it lives, and what it
 * holds stays held.
 *
 * <p>A virtual thread that waits does not keep its carrier from others: it looks at the lock again
 * and again, at intervals of up to about a millisecond, and lets others run in between. It notices
 * later than a platform thread, which sleeps and is woken. A virtual thread may be unmounted while
 * it holds a lock; all who want the lock wait for it then, those in other processes too.
 *
 * <p>If a call throws an {@link Error}, such as a {@link StackOverflowError}, the calling thread
 * does not hold the lock afterwards, unless the error struck before a release had begun. What the
 * call has left half-done is ended at the thread's next call with its backend, or within about 0.2
 * seconds.
 *
 * <p>With the system property {@code org.lwshm.checkLockOrder} set to true, every acquire checks
 * that this process locks tranches in one order, and the locks of one tranche by rising index, and
 * throws {@link LockOrderException} otherwise; an acquire that does not wait is not checked. It
 * costs a microsecond or so: for tests.
 *
 * <p>Source: PostgreSQL's LWLock, src/backend/storage/lmgr/lwlock.c.
 */
public final class LWLock {

  /** Whether acquires have their order checked, which is done in C. */
  static final boolean CHECKS_ORDER = Boolean.getBoolean("org.lwshm.checkLockOrder");

  /** Bits of W that keep a backend out; C sees whether it is the starving waiter itself. */
  private static final long BLOCKS =
      Layout.LOCK_OWNER_SLOT_MASK | Layout.LOCK_STARVING_MASK | Layout.LOCK_POISON;

  /** Bits of W that keep nobody out: waiters may be parked. */
  private static final long PARKED = Layout.LOCK_XWAIT | Layout.LOCK_SWAIT | Layout.LOCK_WAKING;

  /** What a release may leave in W, and wake nobody: a woken writer looks after the others. */
  private static final long WOKEN = Layout.LOCK_XWAIT | Layout.LOCK_WAKING;

  private static final long WAITERS = Layout.LOCK_XWAIT | Layout.LOCK_SWAIT | Layout.LOCK_DPARK;

  /** Where RB stands, in bytes from W. */
  private static final int READERS = Layout.LWLOCK_READERS - Layout.LWLOCK_WORD;

  private final LWLockTranche tranche;
  private final int index;
  private final Segment segment;

  private final long offset;

  // W; RB stands beside it.
  private final long word;
  // A record of this lock, generation and kind left out, and its preferred index, in bytes.
  private final long recordKey;
  private final long recordIndex;
  // How many of the segment's slots were ever joined.
  private final long joinedSlots;
  // A backend's counters of the tranche, in bytes from its first record.
  private final long counters;

  LWLock(LWLockTranche tranche, int index) {
    this.tranche = tranche;
    this.index = index;
    segment = tranche.segment();
    offset = tranche.lockOffset(index);
    word = segment.attachment().base() + offset + Layout.LWLOCK_WORD;
    long number = offset / TrancheNative.LWLOCK_SIZE;
    recordKey = number << Layout.RECORD_LOCK_SHIFT;
    recordIndex = (number & (segment.maxHeldLocks() - 1)) * Long.BYTES;
    joinedSlots = segment.attachment().base() + Layout.HEADER_JOINED_SLOTS;
    counters =
        (long) segment.maxHeldLocks() * Long.BYTES
            + (long) tranche.id() * Layout.TRANCHE_COUNTERS_SIZE;
  }

  /** {@return the tranche it belongs to} */
  public LWLockTranche tranche() {
    return tranche;
  }

  /** {@return its index in the tranche} */
  public int index() {
    return index;
  }

  /** {@return its byte offset in the segment, which names it in C and in {@link BackendInfo}} */
  public long offset() {
    return offset;
  }

  /**
   * Acquires the lock, sleeping as long as it takes. Interrupts are not looked at.
   *
   * @param backend the calling thread's
   * @param mode how
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   * @throws OwnerDiedException if a holder died inside, and no callback repairs what the lock
   *     guards
   */
  public void acquire(Backend backend, LWLockMode mode) {
    acquire(backend, mode, LockWait.FOREVER);
  }

  private boolean acquire(Backend backend, LWLockMode mode, long timeoutNanos) {
    boolean alone = requireFree(backend);
    try {
      boolean acquired =
          alone && acquireAtOnce(backend, mode)
              || LockWait.acquire(this, backend, mode, timeoutNanos);
      // A backend that is collected is ended, so it must be referred to until here.
      Reference.reachabilityFence(backend);
      return acquired;
    } catch (Error e) {
      // Calls nothing, for there may be no stack left. The element first: the count publishes it.
      backend.torn[backend.tornCount] = this;
      backend.tornCount++;
      backend.acquirer = backend.releaser = Backend.NOBODY;
      throw e;
    }
  }

  /**
   * Acquires the lock with the calling thread's own backend.
   *
   * @param mode how
   * @see #acquire(Backend, LWLockMode)
   */
  public void acquire(LWLockMode mode) {
    acquire(segment.backend(), mode);
  }

  /**
   * Acquires the lock, sleeping as long as it takes, unless the thread is interrupted. An interrupt
   * is noticed within 50 milliseconds, and leaves nothing behind.
   *
   * @param backend the calling thread's
   * @param mode how
   * @throws InterruptedException if the thread was interrupted before or meanwhile
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   * @throws OwnerDiedException if a holder died inside, and no callback repairs what the lock
   *     guards
   */
  public void acquireInterruptibly(Backend backend, LWLockMode mode) throws InterruptedException {
    tryAcquire(backend, mode, LockWait.FOREVER);
  }

  /**
   * Acquires the lock with the calling thread's own backend, unless the thread is interrupted.
   *
   * @param mode how
   * @throws InterruptedException if the thread was interrupted before or meanwhile
   * @see #acquireInterruptibly(Backend, LWLockMode)
   */
  public void acquireInterruptibly(LWLockMode mode) throws InterruptedException {
    acquireInterruptibly(segment.backend(), mode);
  }

  /**
   * Acquires the lock if that needs no waiting. May fail though nobody holds the lock, if another
   * is just trying to acquire it: of two that try in different modes at one moment, both may fail.
   *
   * @param backend the calling thread's
   * @param mode how
   * @return whether it was acquired
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   * @throws OwnerDiedException if a holder died inside, and no callback repairs what the lock
   *     guards
   */
  public boolean tryAcquire(Backend backend, LWLockMode mode) {
    return acquire(backend, mode, LockWait.AT_ONCE);
  }

  /**
   * Acquires the lock with the calling thread's own backend, if that needs no waiting.
   *
   * @param mode how
   * @return whether it was acquired
   * @see #tryAcquire(Backend, LWLockMode)
   */
  public boolean tryAcquire(LWLockMode mode) {
    return tryAcquire(segment.backend(), mode);
  }

  /**
   * Acquires the lock, sleeping for a time at most, unless the thread is interrupted. An interrupt
   * is noticed within 50 milliseconds, and leaves nothing behind.
   *
   * @param backend the calling thread's
   * @param mode how
   * @param timeout how long; zero or less does not wait at all
   * @return whether it was acquired; false if the time ran out
   * @throws InterruptedException if the thread was interrupted before or meanwhile
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   * @throws OwnerDiedException if a holder died inside, and no callback repairs what the lock
   *     guards
   */
  public boolean tryAcquire(Backend backend, LWLockMode mode, Duration timeout)
      throws InterruptedException {
    return tryAcquire(backend, mode, TimeUnit.NANOSECONDS.convert(timeout));
  }

  /** The same, in nanoseconds. */
  boolean tryAcquire(Backend backend, LWLockMode mode, long timeoutNanos)
      throws InterruptedException {
    boolean alone = requireFree(backend);
    LockWait.requireNotInterrupted();
    try {
      boolean acquired =
          alone && acquireAtOnce(backend, mode)
              || LockWait.acquireInterruptibly(this, backend, mode, timeoutNanos);
      Reference.reachabilityFence(backend);
      return acquired;
    } catch (Error e) {
      backend.torn[backend.tornCount] = this;
      backend.tornCount++;
      backend.acquirer = backend.releaser = Backend.NOBODY;
      throw e;
    }
  }

  /**
   * Acquires the lock with the calling thread's own backend, sleeping for a time at most.
   *
   * @param mode how
   * @param timeout how long; zero or less does not wait at all
   * @return whether it was acquired; false if the time ran out
   * @throws InterruptedException if the thread was interrupted before or meanwhile
   * @see #tryAcquire(Backend, LWLockMode, Duration)
   */
  public boolean tryAcquire(LWLockMode mode, Duration timeout) throws InterruptedException {
    return tryAcquire(segment.backend(), mode, timeout);
  }

  /**
   * Acquires the lock exclusively if that needs no waiting. Otherwise waits until the holders have
   * left, and does not acquire it: perhaps they have done meanwhile what it was wanted for.
   * PostgreSQL's LWLockAcquireOrWait.
   *
   * @param backend the calling thread's
   * @return whether it was acquired; also if a holder died inside and its data were repaired
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   * @throws OwnerDiedException if a holder died inside, and no callback repairs what the lock
   *     guards
   */
  public boolean acquireOrWait(Backend backend) {
    return tryAcquire(backend, LWLockMode.EXCLUSIVE) || acquireOrAwait(backend);
  }

  private boolean acquireOrAwait(Backend backend) {
    try {
      if (isOwned()) {
        int status = LockWait.awaitRelease(this, backend);
        if (status != Status.OWNER_DIED) {
          check(backend, status);
          return false;
        }
        acquire(backend, LWLockMode.EXCLUSIVE);
        return true;
      }
      // Readers are in, and their leaving is seen by an owner only.
      acquire(backend, LWLockMode.EXCLUSIVE);
      release(backend);
      return false;
    } catch (Error e) {
      backend.torn[backend.tornCount] = this;
      backend.tornCount++;
      backend.acquirer = backend.releaser = Backend.NOBODY;
      throw e;
    }
  }

  /**
   * The same with the calling thread's own backend.
   *
   * @return whether it was acquired
   * @see #acquireOrWait(Backend)
   */
  public boolean acquireOrWait() {
    return acquireOrWait(segment.backend());
  }

  /**
   * Acquires the lock exclusively, poisoned or not, sleeping as long as it takes. Calls no {@link
   * RepairCallback}.
   *
   * @param backend the calling thread's
   * @return whether it is poisoned, so that the caller has to put right what it guards, and call
   *     {@link #markConsistent} before it releases it; false if it never was or another has
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   */
  public boolean acquireForRepair(Backend backend) {
    requireFree(backend);
    try {
      LockWait.acquireForRepair(this, backend);
      return isPoisoned();
    } catch (Error e) {
      backend.torn[backend.tornCount] = this;
      backend.tornCount++;
      backend.acquirer = backend.releaser = Backend.NOBODY;
      throw e;
    }
  }

  /**
   * The same with the calling thread's own backend.
   *
   * @return whether it is poisoned
   * @see #acquireForRepair(Backend)
   */
  public boolean acquireForRepair() {
    return acquireForRepair(segment.backend());
  }

  /**
   * Declares what the lock guards to be consistent. A poisoned lock that is released without stays
   * poisoned.
   *
   * @param backend the calling thread's, which holds the lock exclusively
   * @throws IllegalMonitorStateException if it does not
   */
  public void markConsistent(Backend backend) {
    backend.requireReleaser(segment);
    check(backend, LWLockNative.markConsistent(backend.handle(), offset));
  }

  /**
   * The same with the calling thread's own backend.
   *
   * @throws IllegalMonitorStateException if it does not hold the lock exclusively
   * @see #markConsistent(Backend)
   */
  public void markConsistent() {
    markConsistent(holder());
  }

  /** {@return whether a holder died inside, and what the lock guards was not repaired since} */
  public boolean isPoisoned() {
    requireOpen();
    return (RawMemory.getLongVolatile(word) & Layout.LOCK_POISON) != 0;
  }

  /**
   * The lock for code that takes a {@link ReadWriteLock}: {@link ReadWriteLock#readLock} is the
   * shared mode, {@link ReadWriteLock#writeLock} the exclusive one.
   *
   * <p>What differs from {@link java.util.concurrent.locks.ReentrantReadWriteLock}: it is not
   * reentrant, neither mode can be turned into the other, and a thread that holds it in one mode
   * and asks for it, in either mode, also with {@code tryLock}, gets an {@link
   * IllegalMonitorStateException}; {@code tryLock} may fail though nobody holds the lock, if
   * another thread is just trying to (see {@link #tryAcquire(Backend, LWLockMode)}); {@code
   * newCondition} is not supported; whatever {@link #acquire} throws may be thrown, {@link
   * OwnerDiedException} included.
   *
   * @return a view; any thread may use it
   */
  public ReadWriteLock asReadWriteLock() {
    return new ReadWriteLockView(this);
  }

  /**
   * Releases the lock, whichever way it is held.
   *
   * @param backend the calling thread's
   * @throws IllegalMonitorStateException if the backend does not hold the lock
   */
  public void release(Backend backend) {
    backend.requireReleaser(segment);
    try {
      releaseNow(backend);
      Reference.reachabilityFence(backend);
    } catch (Error e) {
      backend.torn[backend.tornCount] = this;
      backend.tornCount++;
      backend.acquirer = backend.releaser = Backend.NOBODY;
      throw e;
    }
  }

  private void releaseNow(Backend backend) {
    long record = backend.records + recordIndex;
    long held = RawMemory.getLong(record);
    long key = recordKey | backend.recordGeneration;
    if (held == (key | Layout.RECORD_XIN)) {
      // One RMW: the owner goes, the flags stay, and what they were is what is owed. Release: pairs
      // with the CAS of the next owner and the second look of a reader.
      long old = RawMemory.getAndAddLong(word, -backend.lockOwner);
      long left = old - backend.lockOwner;
      if (left == 0 || left == WOKEN) {
        RawMemory.putLongRelease(record, 0);
      } else {
        check(backend, LWLockNative.releaseSlow(backend.handle(), offset, old));
      }
    } else if (held == (key | Layout.RECORD_S)) {
      // Volatile, for the full fence between this and the look at W: an owner that parks after we
      // looked has read the N.
      RawMemory.putLongVolatile(record, key | Layout.RECORD_N);
      long seen = RawMemory.getLongVolatile(word);
      if ((seen & Layout.LOCK_DPARK) == 0) {
        RawMemory.putLongRelease(record, 0);
      } else {
        check(backend, LWLockNative.releaseSlow(backend.handle(), offset, seen));
      }
    } else {
      // Held with a record at another index, or not at all.
      check(backend, LWLockNative.release(backend.handle(), offset));
    }
  }

  /**
   * Releases the lock with the calling thread's own backend.
   *
   * @throws IllegalMonitorStateException if it does not hold the lock
   * @see #release(Backend)
   */
  public void release() {
    release(holder());
  }

  /** The calling thread's backend, if it may hold the lock. */
  private Backend holder() {
    Backend mine = segment.backendOrNull();
    if (mine == null) {
      requireOpen();
      throw new IllegalMonitorStateException(
          "thread \"" + Thread.currentThread().getName() + "\" does not hold lock " + this);
    }
    return mine;
  }

  /**
   * Throws unless the backend may acquire the lock. True if it may do so at once: the fast path has
   * an index for its record.
   */
  private boolean requireFree(Backend backend) {
    backend.requireAcquirer(segment);
    if (isIndexTaken(backend, backend.records + recordIndex)) {
      requireNotHeld(backend);
      return false;
    }
    return !CHECKS_ORDER;
  }

  private void requireNotHeld(Backend backend) {
    long kind = backend.findRecord(recordKey, recordIndex) & Layout.RECORD_KIND_MASK;
    if (kind == Layout.RECORD_S || kind == Layout.RECORD_XIN) {
      throw new IllegalMonitorStateException(
          backend + " holds lock " + this + " already, and LWLocks are not reentrant");
    }
  }

  /**
   * Acquires the lock if nobody is in the way: true. If not, C goes on from what the record says,
   * which is N if this got so far.
   */
  private boolean acquireAtOnce(Backend backend, LWLockMode mode) {
    long record = backend.records + recordIndex;
    return mode == LWLockMode.EXCLUSIVE
        ? acquireExclusive(backend, record)
        : acquireShared(backend, record, mode);
  }

  private boolean acquireExclusive(Backend backend, long record) {
    long key = recordKey | backend.recordGeneration;
    // Loaded here: what is loaded after a locked instruction waits for it.
    long counter = backend.records + counters + Layout.COUNTERS_EXCLUSIVE;
    long acquired = RawMemory.getLong(counter) + 1;
    // Before the CAS, so that a backend that dies behind the CAS is known to own the lock.
    RawMemory.putLongRelease(record, key | Layout.RECORD_N);
    if (!own(backend.lockOwner) || !isDrained(backend)) {
      return false;
    }
    RawMemory.putLongRelease(record, key | Layout.RECORD_XIN);
    // No change of the data may come before the record that says we are inside.
    VarHandle.storeStoreFence();
    RawMemory.putLong(counter, acquired);
    return true;
  }

  /** Becomes the owner of a lock that has none, also if others are parked, whose flags stay. */
  private boolean own(long owner) {
    if (RawMemory.compareAndSetLong(word, 0, owner)) {
      return true;
    }
    long seen = RawMemory.getLongVolatile(word);
    return (seen & ~PARKED) == 0 && RawMemory.compareAndSetLong(word, seen, seen | owner);
  }

  /** Whether no reader has to leave: RB is empty, or only the owner's own group was ever in. */
  private boolean isDrained(Backend backend) {
    long readers = RawMemory.getLongVolatile(word + READERS);
    return readers == 0
        || (readers == backend.readerBit
            && RawMemory.getIntVolatile(joinedSlots) <= backend.aloneInGroupUpTo);
  }

  private boolean acquireShared(Backend backend, long record, LWLockMode mode) {
    // Before anything is written.
    Objects.requireNonNull(mode, "mode");
    long key = recordKey | backend.recordGeneration;
    long counter = backend.records + counters + Layout.COUNTERS_SHARED;
    long acquired = RawMemory.getLong(counter) + 1;
    // Volatile, for the full fence between this and the look at W: we see the owner, or the owner,
    // who writes W and then reads the records, sees us.
    RawMemory.putLongVolatile(record, key | Layout.RECORD_S);
    if ((RawMemory.getLongVolatile(word) & BLOCKS) == 0) {
      setReaderBit(backend.readerBit);
      // Always again: an owner that came since then may have read RB without our bit.
      if ((RawMemory.getLongVolatile(word) & BLOCKS) == 0) {
        RawMemory.putLong(counter, acquired);
        return true;
      }
    }
    // No hold, and not to be taken for one. C wakes an owner that waits for this.
    RawMemory.putLongVolatile(record, key | Layout.RECORD_N);
    return false;
  }

  /**
   * Ends what a call of the backend's thread has left half-done when it threw an Error: the backend
   * neither holds the lock afterwards nor wants it.
   */
  void mend(Backend backend) {
    long kind = backend.findRecord(recordKey, recordIndex) & Layout.RECORD_KIND_MASK;
    long seen = RawMemory.getLongVolatile(word);
    if (kind == Layout.RECORD_XIN && (seen & Layout.LOCK_OWNER_MASK) != backend.lockOwner) {
      // A release that had got past its RMW.
      check(backend, LWLockNative.releaseSlow(backend.handle(), offset, seen));
    } else if (kind == Layout.RECORD_XIN || kind == Layout.RECORD_S) {
      check(backend, LWLockNative.release(backend.handle(), offset));
    } else {
      check(backend, LWLockNative.cancel(backend.handle(), offset));
    }
  }

  /** Checks the status of a native call, during which the backend must be referred to. */
  int check(Backend backend, int status) {
    Reference.reachabilityFence(backend);
    if (status < 0 && segment.attachment().isGone()) {
      throw segment.attachment().closed();
    }
    return Status.check(status);
  }

  /** Only after a writer has passed is the bit not there. */
  private void setReaderBit(long bit) {
    long seen = RawMemory.getLongVolatile(word + READERS);
    while ((seen & bit) == 0 && !RawMemory.compareAndSetLong(word + READERS, seen, seen | bit)) {
      seen = RawMemory.getLongVolatile(word + READERS);
    }
  }

  /** Whether the record's preferred index has a record, or this lock's may be at another index. */
  private static boolean isIndexTaken(Backend backend, long record) {
    return (RawMemory.getLong(record) | RawMemory.getInt(backend.records + Backend.SPILLED)) != 0;
  }

  /**
   * Whether a backend holds the lock. Any thread may ask about any backend; for another's the
   * answer is of a moment that has passed, and one that is about to enter shared may count as
   * holding it.
   *
   * @param backend of this segment
   * @return whether it holds the lock, in either mode
   */
  public boolean isHeldBy(Backend backend) {
    return isHeldBy(backend, LWLockMode.EXCLUSIVE) || isHeldBy(backend, LWLockMode.SHARED);
  }

  /**
   * Whether a backend holds the lock in a mode. Any thread may ask about any backend.
   *
   * @param backend of this segment
   * @param mode how
   * @return whether it does
   * @see #isHeldBy(Backend)
   */
  public boolean isHeldBy(Backend backend, LWLockMode mode) {
    requireOpen();
    backend.requireJoined();
    backend.mendOwn();
    if (backend.segment() != segment) {
      return false;
    }
    long kind = backend.findRecord(recordKey, recordIndex) & Layout.RECORD_KIND_MASK;
    Reference.reachabilityFence(backend);
    return kind == (mode == LWLockMode.EXCLUSIVE ? Layout.RECORD_XIN : Layout.RECORD_S);
  }

  /** {@return whether the calling thread holds the lock, in either mode} */
  public boolean isHeldByCurrentThread() {
    return isHeldByCurrentThread(LWLockMode.EXCLUSIVE) || isHeldByCurrentThread(LWLockMode.SHARED);
  }

  /**
   * Whether the calling thread holds the lock in a mode.
   *
   * @param mode how
   * @return whether it does; a thread that has not joined holds nothing
   */
  public boolean isHeldByCurrentThread(LWLockMode mode) {
    requireOpen();
    Backend mine = segment.backendOrNull();
    return mine != null && isHeldBy(mine, mode);
  }

  /** {@return whether a waiter may be parked, waiting for the lock or for readers to leave it} */
  public boolean hasWaiters() {
    requireOpen();
    return (RawMemory.getLongVolatile(word) & WAITERS) != 0;
  }

  private boolean isOwned() {
    return (RawMemory.getLongVolatile(word) & Layout.LOCK_OWNER_SLOT_MASK) != 0;
  }

  private void requireOpen() {
    if (segment.attachment().isGone()) {
      throw segment.attachment().closed();
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LWLock lock && lock.segment == segment && lock.offset == offset;
  }

  @Override
  public int hashCode() {
    return 31 * System.identityHashCode(segment) + Long.hashCode(offset);
  }

  /** {@return the tranche's name and the index, as in "accounts[7]"} */
  @Override
  public String toString() {
    return tranche.name() + "[" + index + "]";
  }
}
