// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Objects;
import java.util.OptionalLong;
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
 * <p>Methods that take a {@link Backend} want the calling thread's own; those without look it up,
 * which costs a little more. All throw {@link IllegalStateException} if the backend is another
 * thread's or is closed, and {@link IllegalArgumentException} if it is of another segment.
 *
 * <p>If a holder is killed, the others go on: a shared hold ends, an exclusive one too, but then
 * the lock is <i>poisoned</i>, because what it guards may be half-changed. Who acquires a poisoned
 * lock, in either mode, has the {@link RepairCallback} of its tranche called first, or, if there is
 * none, hears {@link OwnerDiedException}. The same goes for a thread that ends without closing its
 * backend. To drop the backend is not enough: the thread keeps it as long as it lives, and what it
 * holds stays held.
 *
 * <p>A virtual thread that waits does not keep its carrier from others: it looks at the lock again
 * and again, at intervals of up to about a millisecond, and lets others run in between. It notices
 * later than a platform thread, which sleeps and is woken. A virtual thread may be unmounted while
 * it holds a lock; all who want the lock wait for it then, those in other processes too.
 *
 * <p>With the system property {@code org.lwshm.checkLockOrder} set to true, every acquire checks
 * that this process locks tranches in one order, and the locks of one tranche by rising index, and
 * throws {@link LockOrderException} otherwise; {@code tryAcquire} without a time-out, {@link
 * #acquireOrWait} and {@link #waitForVar} do not. It costs a microsecond or so: for tests.
 *
 * <p>Source: PostgreSQL's LWLock, src/backend/storage/lmgr/lwlock.c.
 */
public final class LWLock {

  /** Whether acquires have their order checked, which is done in C. */
  static final boolean CHECKS_ORDER = Boolean.getBoolean("org.lwshm.checkLockOrder");

  /**
   * Bits of W that keep a reader out, unless the starving is the reader itself, which C sees to.
   */
  private static final long BLOCKS_SHARED =
      Layout.LOCK_OWNER_SLOT_MASK | Layout.LOCK_STARVING_MASK | Layout.LOCK_POISON;

  private static final long WAITERS = Layout.LOCK_XWAIT | Layout.LOCK_SWAIT | Layout.LOCK_DPARK;

  /** Where RB stands, in bytes from W. */
  private static final int READERS = Layout.LWLOCK_READERS - Layout.LWLOCK_WORD;

  private final LWLockTranche tranche;
  private final int index;
  private final Segment segment;

  private final long offset;

  // W; RB stands beside it.
  private final long word;
  // A record of this lock, generation and kind left out, and its preferred place, in bytes.
  private final long recordKey;
  private final long recordPlace;
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
    recordPlace = (number & (segment.maxHeldLocks() - 1)) * Long.BYTES;
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
   * @throws OwnerDiedException if a holder died inside, and nobody can repair what the lock guards
   */
  public void acquire(Backend backend, LWLockMode mode) {
    backend.requireAcquirer(segment);
    if (mode == LWLockMode.EXCLUSIVE) {
      acquireExclusive(backend);
    } else {
      // Before anything is written.
      Objects.requireNonNull(mode, "mode");
      acquireShared(backend, mode);
    }
    // A backend that nobody refers to any more is ended, so it must be referred to until here.
    Reference.reachabilityFence(backend);
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
   * Acquires the lock if that needs no waiting. May fail though nobody holds the lock, if another
   * is just trying to acquire it: of two that try in different modes at one moment, both may fail.
   *
   * @param backend the calling thread's
   * @param mode how
   * @return whether it was acquired
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   * @throws OwnerDiedException if a holder died inside, and nobody can repair what the lock guards
   */
  public boolean tryAcquire(Backend backend, LWLockMode mode) {
    backend.requireAcquirer(segment);
    // In C as a whole: who gives up in the middle has to take its steps back, and does so there.
    int status = LWLockNative.tryAcquire(backend.handle(), offset, mode.code());
    if (status == Status.OWNER_DIED) {
      return LockWait.acquire(this, backend, mode, 0);
    }
    return check(backend, status) == 1;
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
   * Acquires the lock, sleeping for a time at most. Interrupts are not looked at.
   *
   * @param backend the calling thread's
   * @param mode how
   * @param timeout how long; zero or less does not wait at all
   * @return whether it was acquired; false if the time ran out
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   * @throws OwnerDiedException if a holder died inside, and nobody can repair what the lock guards
   */
  public boolean tryAcquire(Backend backend, LWLockMode mode, Duration timeout) {
    backend.requireAcquirer(segment);
    return LockWait.acquire(this, backend, mode, nanos(timeout));
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
   * @throws OwnerDiedException if a holder died inside, and nobody can repair what the lock guards
   */
  public void acquireInterruptibly(Backend backend, LWLockMode mode) throws InterruptedException {
    backend.requireAcquirer(segment);
    LockWait.acquireInterruptibly(this, backend, mode, LockWait.FOREVER);
  }

  /**
   * Acquires the lock, sleeping for a time at most, unless the thread is interrupted.
   *
   * @param backend the calling thread's
   * @param mode how
   * @param timeout how long; zero or less does not wait at all
   * @return whether it was acquired; false if the time ran out
   * @throws InterruptedException if the thread was interrupted before or meanwhile
   * @see #acquireInterruptibly(Backend, LWLockMode)
   */
  public boolean tryAcquireInterruptibly(Backend backend, LWLockMode mode, Duration timeout)
      throws InterruptedException {
    backend.requireAcquirer(segment);
    return LockWait.acquireInterruptibly(this, backend, mode, nanos(timeout));
  }

  /** As many as a long holds, if there are more. */
  private static long nanos(Duration duration) {
    return TimeUnit.NANOSECONDS.convert(duration);
  }

  /**
   * Acquires the lock exclusively if that needs no waiting. Otherwise waits until whoever is in has
   * left, and does not acquire it: perhaps another has done meanwhile what it was wanted for.
   * PostgreSQL's LWLockAcquireOrWait.
   *
   * @param backend the calling thread's
   * @return whether it was acquired; also if a holder died inside and its data were repaired
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   * @throws OwnerDiedException if a holder died inside, and nobody can repair what the lock guards
   */
  public boolean acquireOrWait(Backend backend) {
    if (tryAcquire(backend, LWLockMode.EXCLUSIVE)) {
      return true;
    }
    if (isOwned()) {
      int status = LockWait.awaitReleased(this, backend);
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
  }

  /**
   * Waits while the lock is held exclusively and its variable is {@code old}, without acquiring it.
   * Through the variable, a 64-bit number that is 0 at first, a holder can tell waiters how far it
   * is. PostgreSQL's LWLockWaitForVar.
   *
   * @param backend the calling thread's
   * @param old the value at which to wait on
   * @return the variable, if the lock is held exclusively and the variable is another; empty if the
   *     lock is not held exclusively
   * @throws IllegalMonitorStateException if the backend is the holder
   * @throws OwnerDiedException if the holder died inside; nobody repairs it here
   */
  public OptionalLong waitForVar(Backend backend, long old) {
    backend.requireAcquirer(segment);
    long[] variable = new long[1];
    int status = LockWait.awaitVariable(this, backend, old, variable);
    if (status == Status.OWNER_DIED) {
      throw LockRepair.ownerDied(this, null);
    }
    return check(backend, status) == 1 ? OptionalLong.empty() : OptionalLong.of(variable[0]);
  }

  /**
   * Sets the lock's variable and wakes who waits for that. PostgreSQL's LWLockUpdateVar.
   *
   * @param backend the calling thread's, which holds the lock exclusively
   * @param value what the variable becomes
   * @throws IllegalMonitorStateException if it does not
   */
  public void updateVar(Backend backend, long value) {
    backend.requireReleaser(segment);
    check(backend, LWLockNative.updateVar(backend.handle(), offset, value));
  }

  /**
   * Sets the lock's variable and releases the lock. PostgreSQL's LWLockReleaseClearVar.
   *
   * @param backend the calling thread's, which holds the lock exclusively
   * @param value what the variable becomes
   * @throws IllegalMonitorStateException if it does not
   */
  public void releaseClearVar(Backend backend, long value) {
    backend.requireReleaser(segment);
    check(backend, LWLockNative.releaseClearVar(backend.handle(), offset, value));
  }

  /**
   * Disowns the lock: it stays held, but not by this backend any more, and any other may release
   * it, once, with {@link #releaseDisowned}. If this backend is closed or dies before that, the
   * lock is recovered as if the backend had died holding it. Until then the lock counts among those
   * that this backend may hold at one time ({@link SegmentBuilder#maxHeldLocks}). PostgreSQL's
   * LWLockDisown.
   *
   * @param backend the calling thread's, which holds the lock
   * @throws IllegalMonitorStateException if it does not
   */
  public void disown(Backend backend) {
    backend.requireReleaser(segment);
    check(backend, LWLockNative.disown(backend.handle(), offset));
  }

  /**
   * Releases the lock, which some backend has disowned. PostgreSQL's LWLockReleaseDisowned.
   *
   * @param backend the calling thread's
   * @throws IllegalMonitorStateException if no backend has disowned the lock
   */
  public void releaseDisowned(Backend backend) {
    backend.requireReleaser(segment);
    check(backend, LWLockNative.releaseDisowned(backend.handle(), offset));
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
    backend.requireAcquirer(segment);
    LockWait.acquireForRepair(this, backend);
    return isPoisoned();
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

  /** {@return whether a holder died inside, and nobody has repaired since what the lock guards} */
  public boolean isPoisoned() {
    requireOpen();
    return (RawMemory.getLongVolatile(word) & Layout.LOCK_POISON) != 0;
  }

  /**
   * The lock for code that takes a {@link ReadWriteLock}: {@link ReadWriteLock#readLock} is the
   * shared mode, {@link ReadWriteLock#writeLock} the exclusive one.
   *
   * <p>A thread locks with its own backend. If it has none, {@link Segment#join} is called for it,
   * and it keeps that seat until it ends or closes it ({@code segment.backend().close()}); so as
   * many threads as use the view at one time need seats ({@link SegmentBuilder#maxBackends}).
   *
   * <p>What differs from {@link java.util.concurrent.locks.ReentrantReadWriteLock}: it is not
   * reentrant, neither mode can be turned into the other, and a thread that holds it in one mode
   * and asks for it, in either mode, also with {@code tryLock}, hears {@link
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
    long record = backend.records + recordPlace;
    long held = RawMemory.getLong(record);
    long key = recordKey | backend.recordGeneration;
    if (held == (key | Layout.RECORD_XIN)) {
      // One RMW: the owner goes, the flags stay, and what they were is what is owed. Release: pairs
      // with the CAS of the next owner and the second look of a reader.
      long old = RawMemory.getAndAddLong(word, -backend.lockOwner);
      if (old == backend.lockOwner) {
        RawMemory.putLongRelease(record, 0);
      } else {
        check(backend, LWLockNative.releaseContended(backend.handle(), offset, old));
      }
    } else if (held == (key | Layout.RECORD_S)) {
      // Volatile, for the full fence between this and the look at W: an owner that parks after we
      // looked has read the N.
      RawMemory.putLongVolatile(record, key | Layout.RECORD_N);
      long seen = RawMemory.getLongVolatile(word);
      if ((seen & Layout.LOCK_DPARK) == 0) {
        RawMemory.putLongRelease(record, 0);
      } else {
        check(backend, LWLockNative.releaseContended(backend.handle(), offset, seen));
      }
    } else {
      // Held with a record at another place, or not at all.
      check(backend, LWLockNative.release(backend.handle(), offset));
    }
    Reference.reachabilityFence(backend);
  }

  /**
   * Releases the lock with the calling thread's own backend.
   *
   * @see #release(Backend)
   */
  public void release() {
    release(segment.backend());
  }

  private void acquireExclusive(Backend backend) {
    long record = backend.records + recordPlace;
    if (CHECKS_ORDER || isPlaceTaken(backend, record)) {
      acquireInC(backend, LWLockMode.EXCLUSIVE);
      return;
    }
    long key = recordKey | backend.recordGeneration;
    // Loaded here: what is loaded after a locked instruction waits for it.
    long counter = backend.records + counters + Layout.COUNTERS_EXCLUSIVE;
    long acquired = RawMemory.getLong(counter) + 1;
    // Before the CAS, so that who dies behind the CAS is known to own the lock.
    RawMemory.putLongRelease(record, key | Layout.RECORD_N);
    if (RawMemory.compareAndSetLong(word, 0, backend.lockOwner)
        && RawMemory.getLongVolatile(word + READERS) == 0) {
      RawMemory.putLongRelease(record, key | Layout.RECORD_XIN);
      // No change of the data may come before the record that says we are inside.
      VarHandle.storeStoreFence();
      RawMemory.putLong(counter, acquired);
    } else {
      // W is another's, or it is ours and readers may have to leave first: C looks which.
      acquireContended(backend, LWLockMode.EXCLUSIVE);
    }
  }

  private void acquireShared(Backend backend, LWLockMode mode) {
    long record = backend.records + recordPlace;
    if (CHECKS_ORDER || isPlaceTaken(backend, record)) {
      acquireInC(backend, mode);
      return;
    }
    long counter = backend.records + counters + Layout.COUNTERS_SHARED;
    long acquired = RawMemory.getLong(counter) + 1;
    // Volatile, for the full fence between this and the look at W: we see the owner, or the owner,
    // who writes W and then reads the records, sees us.
    RawMemory.putLongVolatile(record, recordKey | backend.recordGeneration | Layout.RECORD_S);
    if ((RawMemory.getLongVolatile(word) & BLOCKS_SHARED) == 0) {
      setReaderBit(backend.readerBit);
      // Always again: an owner that came since then may have read RB without our bit.
      if ((RawMemory.getLongVolatile(word) & BLOCKS_SHARED) == 0) {
        RawMemory.putLong(counter, acquired);
        return;
      }
    }
    acquireContended(backend, mode);
  }

  /** The whole acquire. */
  private void acquireInC(Backend backend, LWLockMode mode) {
    if (backend.isVirtual()) {
      LockWait.acquire(this, backend, mode, LockWait.FOREVER);
    } else {
      finishAcquire(backend, mode, LWLockNative.acquire(backend.handle(), offset, mode.code()));
    }
  }

  /** The rest of an acquire whose record has been written, and whose way was blocked. */
  private void acquireContended(Backend backend, LWLockMode mode) {
    if (backend.isVirtual()) {
      // A wait in steps begins with N. The wake-up that an S owes who drains, it gives.
      long key = recordKey | backend.recordGeneration;
      RawMemory.putLongVolatile(backend.records + recordPlace, key | Layout.RECORD_N);
      LockWait.acquire(this, backend, mode, LockWait.FOREVER);
    } else {
      int status = LWLockNative.acquireContended(backend.handle(), offset, mode.code());
      finishAcquire(backend, mode, status);
    }
  }

  private void finishAcquire(Backend backend, LWLockMode mode, int status) {
    if (status == Status.OWNER_DIED) {
      LockWait.acquire(this, backend, mode, LockWait.FOREVER);
    } else {
      check(backend, status);
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

  /** Whether the record's preferred place has a record, or this lock's may be at another place. */
  private static boolean isPlaceTaken(Backend backend, long record) {
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
    if (backend.segment() != segment) {
      return false;
    }
    long kind = backend.findRecord(recordKey, recordPlace) & Layout.RECORD_KIND_MASK;
    return kind == (mode == LWLockMode.EXCLUSIVE ? Layout.RECORD_XIN : Layout.RECORD_S);
  }

  /** {@return whether somebody may be parked, waiting for the lock or for readers to leave it} */
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
