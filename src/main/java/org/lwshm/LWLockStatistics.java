// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import org.lwshm.jni.TrancheNative;

/**
 * What has happened to the locks of a tranche since the segment was made, in all processes. Every
 * backend counts for itself, always, and what is shown is the sum, read while they go on counting.
 *
 * @param exclusive how often they were acquired exclusively
 * @param shared how often they were acquired shared
 * @param slowExclusive of the exclusive ones, how many had to wait
 * @param slowShared of the shared ones, how many had to wait
 * @param waits how often a thread slept, whether that led to the lock or not
 * @param waitTime how long they slept, in all
 * @param recoveries how many holds were ended whose process or thread had died
 * @param poisonings of those, how many may have left data half-changed
 * @param spins how often a waiter looks at the lock, at present, before it sleeps; see {@link
 *     LWLockTranche#setSpins}
 * @param pauses how many pauses of the processor come before each of these looks
 * @param histogram the waits by their length: element i counts those that took {@link
 *     #bucketStart(int) bucketStart(i)} (2<sup>i</sup> microseconds) or longer, but less than
 *     {@code bucketStart(i + 1)}; the first one also those that were shorter, the last one all that
 *     were longer
 */
public record LWLockStatistics(
    long exclusive,
    long shared,
    long slowExclusive,
    long slowShared,
    long waits,
    Duration waitTime,
    long recoveries,
    long poisonings,
    int spins,
    int pauses,
    long[] histogram) {

  /** How many elements the histogram has. */
  public static final int BUCKETS = TrancheNative.WAIT_BUCKETS;

  /**
   * Takes a copy of the histogram.
   *
   * @param exclusive as above
   * @param shared as above
   * @param slowExclusive as above
   * @param slowShared as above
   * @param waits as above
   * @param waitTime as above
   * @param recoveries as above
   * @param poisonings as above
   * @param spins as above
   * @param pauses as above
   * @param histogram as above
   */
  public LWLockStatistics {
    histogram = histogram.clone();
  }

  /** {@return a copy of the histogram} */
  @Override
  public long[] histogram() {
    return histogram.clone();
  }

  /**
   * The shortest wait that an element of the histogram counts.
   *
   * @param bucket 0 up to {@link #BUCKETS}, exclusively
   * @return 2<sup>{@code bucket}</sup> microseconds
   * @throws IndexOutOfBoundsException if there is no such element
   */
  public static Duration bucketStart(int bucket) {
    if (bucket < 0 || bucket >= BUCKETS) {
      throw new IndexOutOfBoundsException("bucket " + bucket + ": there are " + BUCKETS);
    }
    return Duration.of(1L << bucket, ChronoUnit.MICROS);
  }

  static LWLockStatistics read(Attachment attachment, int tranche) {
    long[] numbers = new long[TrancheNative.STATISTICS_COUNT];
    attachment.call(handle -> TrancheNative.statistics(handle, tranche, numbers));
    return new LWLockStatistics(
        numbers[TrancheNative.STATISTICS_EXCLUSIVE],
        numbers[TrancheNative.STATISTICS_SHARED],
        numbers[TrancheNative.STATISTICS_SLOW_EXCLUSIVE],
        numbers[TrancheNative.STATISTICS_SLOW_SHARED],
        numbers[TrancheNative.STATISTICS_WAITS],
        Duration.ofNanos(numbers[TrancheNative.STATISTICS_WAIT_NS]),
        numbers[TrancheNative.STATISTICS_RECOVERIES],
        numbers[TrancheNative.STATISTICS_POISONINGS],
        (int) numbers[TrancheNative.STATISTICS_SPINS],
        (int) numbers[TrancheNative.STATISTICS_PAUSES],
        Arrays.copyOfRange(
            numbers, TrancheNative.STATISTICS_HISTOGRAM, TrancheNative.STATISTICS_COUNT));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LWLockStatistics that
        && exclusive == that.exclusive
        && shared == that.shared
        && slowExclusive == that.slowExclusive
        && slowShared == that.slowShared
        && waits == that.waits
        && waitTime.equals(that.waitTime)
        && recoveries == that.recoveries
        && poisonings == that.poisonings
        && spins == that.spins
        && pauses == that.pauses
        && Arrays.equals(histogram, that.histogram);
  }

  @Override
  public int hashCode() {
    return Long.hashCode(exclusive) * 31 + Long.hashCode(shared) * 7 + waitTime.hashCode();
  }
}
