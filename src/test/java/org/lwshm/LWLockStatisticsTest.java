// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lwshm.jni.LWLockNative;

class LWLockStatisticsTest {

  private LockFixture fixture;

  @BeforeEach
  void create() {
    fixture = new LockFixture();
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Test
  void whatJavaAndCCountAddsUp() throws Exception {
    LWLockTranche other = fixture.segment.tranche("other", 1);
    List<TestThread<Void>> threads = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      int lock = i; // one each, so that nothing is contended
      threads.add(
          fixture.start(
              me -> {
                for (int turn = 0; turn < 5000; turn++) {
                  acquireAll(me, fixture.tranche.lock(lock));
                }
                return null;
              }));
    }
    for (TestThread<Void> thread : threads) {
      thread.join();
    }
    LWLockStatistics statistics = fixture.tranche.statistics();
    assertEquals(3 * 5000 * 3, statistics.exclusive(), "Java's, C's, and those that tried");
    assertEquals(3 * 5000 * 3, statistics.shared());
    assertEquals(0, statistics.slowShared());
    assertEquals(0, statistics.waits());
    assertEquals(0, other.statistics().exclusive() + other.statistics().shared());
  }

  private static void acquireAll(Backend me, LWLock lock) {
    for (LWLockMode mode : LWLockMode.values()) {
      lock.acquire(me, mode);
      lock.release(me);
      LWLockNative.acquireSlow(me.handle(), lock.offset(), mode.code(), LWLockNative.FOREVER, 0);
      LWLockNative.release(me.handle(), lock.offset());
      lock.tryAcquire(me, mode);
      lock.release(me);
    }
  }

  @Test
  void theLastTranchesCountersAreItsOwn() {
    try (Segment segment = Segment.privateBuilder().maxTranches(3).maxLWLocks(8).create();
        Backend me = segment.join()) {
      for (int i = 0; i < 3; i++) {
        LWLockTranche tranche = segment.tranche("t" + i, 1);
        for (int turn = 0; turn <= i; turn++) {
          tranche.lock(0).acquire(me, LWLockMode.EXCLUSIVE);
          tranche.lock(0).release(me);
        }
      }
      for (int i = 0; i < 3; i++) {
        assertEquals(i + 1, segment.tranche("t" + i).statistics().exclusive());
        assertEquals(0, segment.tranche("t" + i).statistics().shared());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void waitsAreCountedAndMeasured(LWLockMode mode) throws Exception {
    long held;
    try (Backend me = fixture.segment.join()) {
      fixture.lock.acquire(me, LWLockMode.EXCLUSIVE);
      TestThread<Void> waiter =
          fixture.start(
              other -> {
                fixture.lock.acquire(other, mode);
                fixture.lock.release(other);
                return null;
              });
      Await.until(() -> fixture.isWaitedFor(mode));
      long seen = System.nanoTime();
      Await.until(() -> System.nanoTime() - seen >= Duration.ofMillis(5).toNanos());
      held = System.nanoTime() - seen;
      fixture.lock.release(me);
      waiter.join();
    }
    LWLockStatistics statistics = fixture.tranche.statistics();
    boolean exclusive = mode == LWLockMode.EXCLUSIVE;
    assertEquals(exclusive ? 2 : 1, statistics.exclusive());
    assertEquals(exclusive ? 0 : 1, statistics.shared());
    assertEquals(exclusive ? 1 : 0, statistics.slowExclusive());
    assertEquals(exclusive ? 0 : 1, statistics.slowShared());
    assertEquals(1, statistics.waits());
    assertTrue(statistics.waitTime().toNanos() >= held);
    long[] histogram = statistics.histogram();
    assertEquals(LWLockStatistics.BUCKETS, histogram.length);
    assertEquals(1, Arrays.stream(histogram).sum());
    for (int i = 0; i < histogram.length; i++) {
      if (histogram[i] == 1) {
        assertTrue(LWLockStatistics.bucketStart(i).compareTo(statistics.waitTime()) <= 0);
        assertTrue(LWLockStatistics.bucketStart(i + 1).compareTo(statistics.waitTime()) > 0);
      }
    }
  }

  @Test
  void theBucketsBeginAtPowersOfTwoMicroseconds() {
    assertEquals(Duration.ofNanos(1000), LWLockStatistics.bucketStart(0));
    assertEquals(Duration.ofNanos(1024_000), LWLockStatistics.bucketStart(10));
    assertThrows(IndexOutOfBoundsException.class, () -> LWLockStatistics.bucketStart(-1));
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> LWLockStatistics.bucketStart(LWLockStatistics.BUCKETS));
  }

  @Test
  void aReadingIsAValue() {
    LWLockStatistics none = fixture.tranche.statistics();
    none.histogram()[0] = 1;
    assertEquals(none, fixture.tranche.statistics());
    assertEquals(none.hashCode(), fixture.tranche.statistics().hashCode());
    try (Backend me = fixture.segment.join()) {
      fixture.lock.acquire(me, LWLockMode.SHARED);
    }
    assertNotEquals(none, fixture.tranche.statistics());
  }
}
