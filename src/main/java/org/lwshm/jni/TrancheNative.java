// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/tranche.h}. */
public final class TrancheNative {

  static {
    NativeLibrary.load();
  }

  /** The most bytes of a tranche's name. */
  public static final int TRANCHE_NAME_MAX = 63;

  /** The distance between two locks of a tranche, in bytes. */
  public static final int LWLOCK_SIZE = 64;

  /** {@code tranche[]}: byte offset of the first lock in the segment. */
  public static final int TRANCHE_OFFSET = 0;

  /** {@code tranche[]}: how many locks it has. */
  public static final int TRANCHE_LOCKS = 1;

  /** {@code tranche[]}: its number. */
  public static final int TRANCHE_ID = 2;

  /** {@code tranche[]}: 1 if it was there already; set by {@link #init} alone. */
  public static final int TRANCHE_FOUND = 3;

  /** The length of {@code tranche[]}. */
  public static final int TRANCHE_COUNT = 4;

  /** {@code statistics[]}: acquisitions, exclusive. */
  public static final int STATISTICS_EXCLUSIVE = 0;

  /** {@code statistics[]}: acquisitions, shared. */
  public static final int STATISTICS_SHARED = 1;

  /** {@code statistics[]}: of the exclusive ones, those that had to wait. */
  public static final int STATISTICS_SLOW_EXCLUSIVE = 2;

  /** {@code statistics[]}: of the shared ones, those that had to wait. */
  public static final int STATISTICS_SLOW_SHARED = 3;

  /** {@code statistics[]}: waits. */
  public static final int STATISTICS_WAITS = 4;

  /** {@code statistics[]}: nanoseconds waited, in all. */
  public static final int STATISTICS_WAIT_NS = 5;

  /** {@code statistics[]}: holds of the dead that were ended. */
  public static final int STATISTICS_RECOVERIES = 6;

  /** {@code statistics[]}: of those, the ones that poisoned a lock. */
  public static final int STATISTICS_POISONINGS = 7;

  /** {@code statistics[]}: how often a waiter looks at present before it parks. */
  public static final int STATISTICS_SPINS = 8;

  /** {@code statistics[]}: pauses of the processor before each of these looks. */
  public static final int STATISTICS_PAUSES = 9;

  /** {@code statistics[]}: the first bucket of the histogram; the others follow. */
  public static final int STATISTICS_HISTOGRAM = 10;

  /** Buckets of the histogram. */
  public static final int WAIT_BUCKETS = 32;

  /** The length of {@code statistics[]}. */
  public static final int STATISTICS_COUNT = STATISTICS_HISTOGRAM + WAIT_BUCKETS;

  /** {@code LWSHM_SPINS_LEARNED}. */
  public static final int SPINS_LEARNED = -1;

  private TrancheNative() {}

  /**
   * {@code lwshm_tranche_init}.
   *
   * @param segment handle
   * @param name the tranche's name
   * @param locks how many
   * @param tranche takes {@link #TRANCHE_COUNT} elements
   * @return 0 or a status
   */
  public static native int init(long segment, byte[] name, int locks, long[] tranche);

  /**
   * {@code lwshm_tranche_find}.
   *
   * @param segment handle
   * @param name the tranche's name
   * @param tranche takes {@link #TRANCHE_COUNT} elements
   * @return 0 or a status
   */
  public static native int find(long segment, byte[] name, long[] tranche);

  /**
   * {@code lwshm_tranche_get}.
   *
   * @param segment handle
   * @param id the tranche's number
   * @param tranche takes {@link #TRANCHE_COUNT} elements
   * @param name takes the name's bytes, padded with 0; {@link #TRANCHE_NAME_MAX} + 1 of them
   * @return 0 or a status
   */
  public static native int get(long segment, int id, long[] tranche, byte[] name);

  /**
   * {@code lwshm_tranche_statistics}.
   *
   * @param segment handle
   * @param id the tranche's number
   * @param statistics takes {@link #STATISTICS_COUNT} elements
   * @return 0 or a status
   */
  public static native int statistics(long segment, int id, long[] statistics);

  /**
   * {@code lwshm_tranche_set_spins}.
   *
   * @param segment handle
   * @param id the tranche's number
   * @param turns {@link #SPINS_LEARNED}, or how many
   * @return 0 or a status
   */
  public static native int setSpins(long segment, int id, int turns);
}
