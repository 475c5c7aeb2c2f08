// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.lang.ref.Reference;
import org.lwshm.jni.BackendNative;
import org.lwshm.jni.Layout;
import org.lwshm.jni.RawMemory;
import org.lwshm.jni.Status;

/**
 * One thread's slot in a segment. The slot, in shared memory, says which locks the thread holds or
 * wants.
 *
 * <p>It belongs to the thread that joined ({@link Segment#join()}). Only that thread may lock with
 * it or close it; in any other thread these calls throw {@link IllegalStateException}. A thread
 * that ends without closing it is taken for dead: what it held exclusively becomes poisoned (see
 * {@link OwnerDiedException}), since it may be half-changed. Virtual threads may join, too; see
 * {@link LWLock}.
 *
 * <p>Source: PostgreSQL's PGPROC and {@code MyProc}, src/backend/storage/lmgr/proc.c.
 */
public final class Backend implements AutoCloseable {

  private final Segment segment;
  private final Backends backends;
  private final Attachment attachment;
  private final BackendHandle handle;
  private final Thread owner;
  private final boolean virtual;
  private final int slot;
  private final int generation;

  /** Where the number of spilled records stands, in bytes from the first record. */
  static final int SPILLED = Layout.BACKEND_SPILLED - Layout.BACKEND_RECORD;

  // What the fast path of LWLock needs, ready to use, and no more: each is a load there.
  final long records;
  final long recordGeneration;
  final long lockOwner;
  final long readerBit;
  // If no more slots than this were ever joined, no other backend shares the reader bit.
  final int aloneInGroupUpTo;

  /** Neither a thread nor null: the next call of the owner mends first. */
  static final Object NOBODY = new Object();

  // Locks whose call threw an Error; see LWLock.mend. The owner notes them, and takes them off when
  // it has seen that all are mended. An Error passes through two calls on each lock at most.
  final LWLock[] torn;
  volatile int tornCount;
  // Of those, how many are mended. Guarded by this.
  private int mended;

  // Who may acquire: the owner, until another thread ends the process; NOBODY while there are torn
  // locks.
  volatile Object acquirer;
  // Who may release: the owner until it leaves; NOBODY while there are torn locks. Written by the
  // owner, or when that has ended.
  Object releaser;
  // Whether another thread ends the process. Guarded by this.
  private boolean refusesAcquires;

  Backend(Segment segment, Backends backends, Attachment attachment, BackendHandle handle) {
    this.segment = segment;
    this.backends = backends;
    this.attachment = attachment;
    this.handle = handle;
    owner = Thread.currentThread();
    virtual = VirtualThreads.isVirtual(owner);
    acquirer = owner;
    releaser = owner;
    long[] info = new long[BackendNative.INFO_COUNT];
    Status.check(BackendNative.info(handle.get(), info));
    slot = (int) info[BackendNative.INFO_SLOT];
    generation = (int) info[BackendNative.INFO_GENERATION];
    long address = attachment.base() + info[BackendNative.INFO_SLOT_OFFSET];
    records = address + Layout.BACKEND_RECORD;
    recordGeneration = (long) generation << Layout.RECORD_GENERATION_SHIFT;
    lockOwner = (slot + 1) | (long) generation << Layout.LOCK_OWNER_GENERATION_SHIFT;
    readerBit = 1L << (slot % Long.SIZE);
    torn = new LWLock[2 * segment.maxHeldLocks()];
    aloneInGroupUpTo = slot < Long.SIZE ? slot + Long.SIZE : -1;
  }

  /**
   * Takes this process's place among the children of its postmaster: attaches to the segment, joins
   * the calling thread to the slot meant for it, and from then on watches the postmaster. When that
   * ends, this process does: {@code System.exit}, and if its exit callbacks take longer than the
   * postmaster allows, {@code Runtime.halt}. SIGHUP no longer ends it, but calls what {@link
   * PostmasterLink#onReload} was told of.
   *
   * <p>Once a process; its other threads {@linkplain Segment#join() join} as usual. Closing the
   * backend is what says that the child left in order: one that ends without counts as crashed,
   * unless it held nothing exclusively when its exit callbacks ran. The segment stays attached
   * until {@code backend.segment()} is closed, or the process ends.
   *
   * @param subsystems in the order in which they attach
   * @return the calling thread's backend; {@code segment().postmaster()} is the way to the
   *     postmaster
   * @throws NotFoundException if no postmaster has started this process
   * @throws BackendParametersException if what it has left for this process is of no use, is not
   *     meant for it any more, or the postmaster has ended
   * @throws IllegalStateException if this process has done so before
   * @see Segment#attach(Path, ShmemSubsystem...)
   */
  public static Backend fromPostmaster(ShmemSubsystem... subsystems) {
    return PostmasterLink.takePlace(subsystems);
  }

  /** {@return the segment it belongs to} */
  public Segment segment() {
    return segment;
  }

  /** {@return the number of its slot, 0 and up} */
  public int slot() {
    return slot;
  }

  /** {@return how often the slot was given back before, modulo 2^24} */
  public int generation() {
    return generation;
  }

  /** {@return how many locks it holds} */
  public int heldLocks() {
    requireReleaser();
    int held = Status.check(BackendNative.heldLocks(handle.get()));
    Reference.reachabilityFence(this); // a backend that is collected is ended
    return held;
  }

  /**
   * Releases every lock it holds, as an error handler does. Poisons nothing: the caller vouches for
   * the data.
   *
   * @return how many there were
   */
  public int releaseAll() {
    requireReleaser();
    int released = Status.check(BackendNative.releaseAll(handle.get()));
    Reference.reachabilityFence(this); // a backend that is collected is ended
    return released;
  }

  /**
   * Ends the backend and gives its slot back. Shared holds are released. Closing again does
   * nothing.
   *
   * <p>A lock that it still holds exclusively becomes poisoned, and a warning in the log says so:
   * what the lock guards may be half-changed (see {@link OwnerDiedException}). So it goes when an
   * exception leaves {@code try (Backend …)} before the lock is released; release in a {@code
   * finally}, or call {@link #releaseAll} where the data are known to be whole. If the thread that
   * joined has ended, any thread may close the backend.
   *
   * @throws IllegalStateException if the thread that joined is alive and is not the calling one
   */
  @Override
  public void close() {
    if (releaser == null || attachment.isGone()) {
      return;
    }
    if (isInUse()) {
      throw wrongThread();
    }
    backends.leave(this);
  }

  @Override
  public String toString() {
    return "backend "
        + slot
        + " of segment "
        + segment.id()
        + ", thread \""
        + owner.getName()
        + '"';
  }

  Thread owner() {
    return owner;
  }

  /** Whether its thread is a virtual one. */
  boolean isVirtual() {
    return virtual;
  }

  /** Whether a thread other than the calling one may be using it. */
  boolean isInUse() {
    return owner != Thread.currentThread() && owner.isAlive();
  }

  /** The native backend; 0, which natives refuse, once it has ended. */
  long handle() {
    return handle.get();
  }

  BackendHandle nativeHandle() {
    return handle;
  }

  /** Throws unless the calling thread may acquire locks of {@code lockSegment}. */
  void requireAcquirer(Segment lockSegment) {
    if (Thread.currentThread() != acquirer || segment != lockSegment) {
      mendOrRefuse(lockSegment, true);
    }
  }

  /** Throws unless the calling thread may release locks of {@code lockSegment}. */
  void requireReleaser(Segment lockSegment) {
    if (Thread.currentThread() != releaser || segment != lockSegment) {
      mendOrRefuse(lockSegment, false);
    }
  }

  /** After an Error the thread's next call gets here, and mends. Out of line: it is rare. */
  private void mendOrRefuse(Segment lockSegment, boolean acquires) {
    mendOwn();
    if (Thread.currentThread() != (acquires ? acquirer : releaser) || segment != lockSegment) {
      throw refusal(lockSegment);
    }
  }

  private void requireReleaser() {
    requireReleaser(segment);
  }

  private RuntimeException refusal(Segment lockSegment) {
    if (segment != lockSegment) {
      return new IllegalArgumentException(
          "backend "
              + slot
              + " is of segment "
              + segment.id()
              + ", the lock is of "
              + lockSegment.id());
    }
    if (releaser == null) {
      return new IllegalStateException("backend " + slot + " is closed; join the segment again");
    }
    if (Thread.currentThread() != owner) {
      return wrongThread();
    }
    return new IllegalStateException(
        "segment " + segment.id() + " is being closed: no lock can be acquired any more");
  }

  private IllegalStateException wrongThread() {
    return new IllegalStateException(
        "backend "
            + slot
            + " belongs to thread \""
            + owner.getName()
            + "\", not to \""
            + Thread.currentThread().getName()
            + "\", which must join the segment for itself");
  }

  /** Mends what the calling thread has torn, if the backend is its own. */
  void mendOwn() {
    if (tornCount != 0 && Thread.currentThread() == owner) {
      mend();
    }
  }

  /** Ends what calls that threw an Error have left half-done. Any thread. */
  synchronized void mend() {
    while (mended < tornCount) {
      torn[mended].mend(this);
      mended++;
    }
    if (Thread.currentThread() == owner) {
      mended = 0;
      tornCount = 0;
      acquirer = refusesAcquires ? null : owner;
      releaser = owner;
    }
  }

  /** From here on its thread acquires nothing more, but may release. */
  synchronized void refuseAcquires() {
    refusesAcquires = true;
    acquirer = null;
  }

  /**
   * Gives the slot back and frees the handle; returns how many locks are poisoned by that. If it
   * throws, the backend is as usable as before, unless the native had ended it already.
   */
  int leaveNow() {
    mendOwn();
    long[] cell = handle.cell();
    Object before = acquirer;
    int status;
    acquirer = null;
    releaser = null;
    try {
      status = BackendNative.leave(cell);
    } finally {
      // No call here: it could throw what the native has thrown, if the stack is full.
      if (cell[0] != 0) {
        acquirer = before;
        releaser = owner;
      }
    }
    return status >= 0 ? status : Status.check(status);
  }

  /** From here on nobody may use it. */
  void refuseAll() {
    acquirer = null;
    releaser = null;
  }

  /** Whether it holds a lock, or is about to enter one shared. One that only waits does not. */
  boolean holdsAny() {
    for (int i = 0; i < segment.maxHeldLocks(); i++) {
      long record = RawMemory.getLongAcquire(records + (long) i * Long.BYTES);
      long kind = record & Layout.RECORD_KIND_MASK;
      if (kind == Layout.RECORD_S || kind == Layout.RECORD_XIN) {
        return true;
      }
    }
    return false;
  }

  /** The record of a lock, given its key without a kind; 0 if there is none. */
  long findRecord(long key, long preferred) {
    long wanted = key | recordGeneration;
    long record = RawMemory.getLongAcquire(records + preferred);
    if ((record & ~Layout.RECORD_KIND_MASK) == wanted) {
      return record;
    }
    if (RawMemory.getIntAcquire(records + SPILLED) != 0) {
      for (int i = 0; i < segment.maxHeldLocks(); i++) {
        record = RawMemory.getLongAcquire(records + (long) i * Long.BYTES);
        if ((record & ~Layout.RECORD_KIND_MASK) == wanted) {
          return record;
        }
      }
    }
    return 0;
  }

  /** Throws if it has been closed. Any thread. */
  void requireJoined() {
    if (releaser == null) {
      throw refusal(segment);
    }
  }
}
