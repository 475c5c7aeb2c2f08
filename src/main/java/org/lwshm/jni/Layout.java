// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/**
 * What the fast path knows of the segment's layout, from {@code src/main/c/core/layout.h}. A test
 * compares every constant here with what the library says of itself.
 */
public final class Layout {

  /** {@code LWSHM_ABI_VERSION}. */
  public static final int ABI_VERSION = 3;

  /** {@code lwlock.word}: the lock word W. */
  public static final int LWLOCK_WORD = 0;

  /** {@code lwlock.readers}: the hint RB who may hold it shared. */
  public static final int LWLOCK_READERS = 8;

  /** {@code LOCK_OWNER_GENERATION_SHIFT}; below it stands the owner's slot + 1. */
  public static final int LOCK_OWNER_GENERATION_SHIFT = 16;

  /** {@code LOCK_OWNER_SLOT_MASK}: 0 there means that the lock has no owner. */
  public static final long LOCK_OWNER_SLOT_MASK = 0xffffL;

  /** {@code LOCK_OWNER_MASK}: the owner's slot + 1 and generation. */
  public static final long LOCK_OWNER_MASK = 0xff_ffff_ffffL;

  /** {@code LOCK_STARVING_MASK}. */
  public static final long LOCK_STARVING_MASK = 0xffffL << 40;

  /** {@code LOCK_POISON}. */
  public static final long LOCK_POISON = 1L << 56;

  /** {@code LOCK_XWAIT}. */
  public static final long LOCK_XWAIT = 1L << 57;

  /** {@code LOCK_SWAIT}. */
  public static final long LOCK_SWAIT = 1L << 58;

  /** {@code LOCK_DPARK}. */
  public static final long LOCK_DPARK = 1L << 59;

  /** {@code LOCK_WAKING}: a waiter for exclusive was woken and has not looked since. */
  public static final long LOCK_WAKING = 1L << 61;

  /** {@code segment_header.joined_slots}: how many slots were ever joined, counted from 0. */
  public static final int HEADER_JOINED_SLOTS = 192;

  /** {@code backend_slot.spilled}: the lower 32 bits count records not at their preferred index. */
  public static final int BACKEND_SPILLED = 8;

  /** {@code backend_slot.record}: the first record. */
  public static final int BACKEND_RECORD = 64;

  /** {@code RECORD_N}: wants it exclusive, waits, or owes a wake-up. */
  public static final long RECORD_N = 1;

  /** {@code RECORD_S}: holds it shared, or is trying to. */
  public static final long RECORD_S = 2;

  /** {@code RECORD_XIN}: is inside, exclusively. */
  public static final long RECORD_XIN = 3;

  /** {@code RECORD_KIND_MASK}. */
  public static final long RECORD_KIND_MASK = 3;

  /** {@code RECORD_LOCK_SHIFT}: where a record's lock offset / 64 begins. */
  public static final int RECORD_LOCK_SHIFT = 2;

  /** {@code RECORD_GENERATION_SHIFT}: where a record's generation begins. */
  public static final int RECORD_GENERATION_SHIFT = 40;

  /** {@code tranche_counters}: bytes of the counters of a tranche, which follow the records. */
  public static final int TRANCHE_COUNTERS_SIZE = 32;

  /** {@code tranche_counters.exclusive}: locks of the tranche that were acquired so. */
  public static final int COUNTERS_EXCLUSIVE = 0;

  /** {@code tranche_counters.shared}. */
  public static final int COUNTERS_SHARED = 8;

  /** {@code segment_header.max_held_locks}: records of a backend, a power of two. */
  public static final int HEADER_MAX_HELD_LOCKS = 96;

  private Layout() {}
}
