// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.lang.invoke.VarHandle;
import java.util.Objects;
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
 * <p>Source: PostgreSQL's LWLock, src/backend/storage/lmgr/lwlock.c.
 */
public final class LWLock {

  /** Bits of W that keep a reader out, unless the starver is the reader itself, which C sees to. */
  private static final long BLOCKS_SHARED =
      Layout.LOCK_OWNER_SLOT_MASK | Layout.LOCK_STARVER_MASK | Layout.LOCK_POISON;

  private static final long WAITERS = Layout.LOCK_XWAIT | Layout.LOCK_SWAIT | Layout.LOCK_DPARK;

  private final LWLockTranche tranche;
  private final int index;
  private final Segment segment;
  private final long offset;

  // W and RB.
  private final long word;
  private final long readers;
  // A record of this lock, generation and kind left out, and its preferred place, in bytes.
  private final long recordKey;
  private final long recordPlace;

  LWLock(LWLockTranche tranche, int index) {
    this.tranche = tranche;
    this.index = index;
    segment = tranche.segment();
    offset = tranche.lockOffset(index);
    word = segment.attachment().base() + offset + Layout.LWLOCK_WORD;
    readers = segment.attachment().base() + offset + Layout.LWLOCK_READERS;
    long number = offset / TrancheNative.LWLOCK_SIZE;
    recordKey = number << Layout.RECORD_LOCK_SHIFT;
    recordPlace = (number & (segment.maxHeldLocks() - 1)) * Long.BYTES;
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
   * Acquires the lock if that needs no waiting.
   *
   * @param backend the calling thread's
   * @param mode how
   * @return whether it was acquired
   * @throws IllegalMonitorStateException if the backend holds the lock already
   * @throws LimitExceededException if the backend holds as many locks as it may
   */
  public boolean tryAcquire(Backend backend, LWLockMode mode) {
    backend.requireAcquirer(segment);
    // In C as a whole: who gives up in the middle has to take its steps back, and does so there.
    return Status.check(LWLockNative.tryAcquire(backend.handle(), offset, mode.code())) == 1;
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
        Status.check(LWLockNative.releaseContended(backend.handle(), offset, old));
      }
    } else if (held == (key | Layout.RECORD_S)) {
      // Volatile, for the full fence between this and the look at W: an owner that parks after we
      // looked has read the N.
      RawMemory.putLongVolatile(record, key | Layout.RECORD_N);
      long seen = RawMemory.getLongVolatile(word);
      if ((seen & Layout.LOCK_DPARK) == 0) {
        RawMemory.putLongRelease(record, 0);
      } else {
        Status.check(LWLockNative.releaseContended(backend.handle(), offset, seen));
      }
    } else {
      // Held with a record at another place, or not at all.
      Status.check(LWLockNative.release(backend.handle(), offset));
    }
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
    if (isPlaceTaken(backend, record)) {
      Status.check(LWLockNative.acquire(backend.handle(), offset, LWLockNative.EXCLUSIVE));
      return;
    }
    long key = recordKey | backend.recordGeneration;
    // Before the CAS, so that who dies behind the CAS is known to own the lock.
    RawMemory.putLongRelease(record, key | Layout.RECORD_N);
    if (RawMemory.compareAndSetLong(word, 0, backend.lockOwner)
        && RawMemory.getLongVolatile(readers) == 0) {
      RawMemory.putLongRelease(record, key | Layout.RECORD_XIN);
      // No change of the data may come before the record that says we are inside.
      VarHandle.storeStoreFence();
    } else {
      // W is another's, or it is ours and readers may have to leave first: C looks which.
      Status.check(LWLockNative.acquireContended(backend.handle(), offset, LWLockNative.EXCLUSIVE));
    }
  }

  private void acquireShared(Backend backend, LWLockMode mode) {
    long record = backend.records + recordPlace;
    if (isPlaceTaken(backend, record)) {
      Status.check(LWLockNative.acquire(backend.handle(), offset, mode.code()));
      return;
    }
    // Volatile, for the full fence between this and the look at W: we see the owner, or the owner,
    // who writes W and then reads the records, sees us.
    RawMemory.putLongVolatile(record, recordKey | backend.recordGeneration | Layout.RECORD_S);
    if ((RawMemory.getLongVolatile(word) & BLOCKS_SHARED) == 0) {
      setReaderBit(backend.readerBit);
      // Always again: an owner that came since then may have read RB without our bit.
      if ((RawMemory.getLongVolatile(word) & BLOCKS_SHARED) == 0) {
        return;
      }
    }
    Status.check(LWLockNative.acquireContended(backend.handle(), offset, mode.code()));
  }

  /** Only after a writer has passed is the bit not there. */
  private void setReaderBit(long bit) {
    long seen = RawMemory.getLongVolatile(readers);
    while ((seen & bit) == 0 && !RawMemory.compareAndSetLong(readers, seen, seen | bit)) {
      seen = RawMemory.getLongVolatile(readers);
    }
  }

  /** Whether the record's preferred place has a record, or this lock's may be at another place. */
  private static boolean isPlaceTaken(Backend backend, long record) {
    return (RawMemory.getLong(record) | RawMemory.getInt(backend.spilled)) != 0;
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
