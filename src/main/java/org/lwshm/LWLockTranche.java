// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import org.lwshm.jni.TrancheNative;

/**
 * A named array of locks. Its name is what a waiter is said to wait for.
 *
 * <p>Any thread. Source: PostgreSQL's named tranches, src/backend/storage/lmgr/lwlock.c.
 */
public final class LWLockTranche {

  /** For {@link #setSpins}: waiters find out by themselves. */
  public static final int SPINS_LEARNED = TrancheNative.SPINS_LEARNED;

  private final Segment segment;
  private final String name;
  private final int id;
  private final long offset;
  private final int size;

  LWLockTranche(Segment segment, String name, int id, long offset, int size) {
    this.segment = segment;
    this.name = name;
    this.id = id;
    this.offset = offset;
    this.size = size;
  }

  /** {@return the segment it lies in} */
  public Segment segment() {
    return segment;
  }

  /** {@return its name} */
  public String name() {
    return name;
  }

  /** {@return its number in the segment, 0 and up in the order of their making} */
  public int id() {
    return id;
  }

  /** {@return how many locks it has} */
  public int size() {
    return size;
  }

  /**
   * One of its locks.
   *
   * @param index 0 up to {@link #size()}, exclusively
   * @return the lock; equal to any other object for the same lock
   * @throws IndexOutOfBoundsException if it has no such lock
   */
  public LWLock lock(int index) {
    if (index < 0 || index >= size) {
      throw new IndexOutOfBoundsException(
          "lock " + index + ": tranche \"" + name + "\" has " + size + " locks");
    }
    return new LWLock(this, index);
  }

  /**
   * Sets how a waiter for one of its locks spins before it sleeps. {@link #SPINS_LEARNED}, the
   * default: waiters try out now and then in which way all processes together acquire more, and
   * keep to that: sleeping at once, looking at the lock 100 times, or looking once after a longer
   * pause. Holds for all processes, from their next wait on.
   *
   * @param turns {@link #SPINS_LEARNED}; 0, to sleep at once; or how often to look, 65,535 at most
   * @throws IllegalArgumentException if it is something else
   */
  public void setSpins(int turns) {
    segment.attachment().call(handle -> TrancheNative.setSpins(handle, id, turns));
  }

  /**
   * Has {@code callback} called, in this process, when a thread acquires a lock of this tranche
   * whose holder died inside. The acquire goes on once the data are consistent; without a callback
   * it throws {@link OwnerDiedException}.
   *
   * <p>Every process that locks registers its own, as a rule right after it has attached: the next
   * one to acquire repairs.
   *
   * @param callback what to call; null: nothing. It takes the place of an earlier one.
   */
  public void onRepair(RepairCallback callback) {
    if (segment.isClosed()) {
      throw segment.attachment().closed();
    }
    if (callback == null) {
      segment.repairCallbacks().remove(id);
    } else {
      segment.repairCallbacks().put(id, callback);
    }
  }

  /** What is called for its locks in this process; null if nothing is. */
  RepairCallback repairCallback() {
    return segment.repairCallbacks().get(id);
  }

  /**
   * Sums up what has happened to its locks. Any process may ask, at any time; nobody is disturbed.
   *
   * @return the numbers, since the segment was made
   */
  public LWLockStatistics statistics() {
    return LWLockStatistics.read(segment.attachment(), id);
  }

  /** The byte offset of a lock in the segment. */
  long lockOffset(int index) {
    return offset + (long) index * TrancheNative.LWLOCK_SIZE;
  }

  @Override
  public String toString() {
    return "tranche \"" + name + "\", " + size + " locks";
  }
}
