// SPDX-License-Identifier: Apache-2.0

package org.lwshm.sync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lwshm.Await;
import org.lwshm.Backend;
import org.lwshm.Segment;
import org.lwshm.SemaphoreKind;

/**
 * Virtual threads that wait for permits: if these were to keep their carriers, who has the permits,
 * and has been unmounted, could not give them back, and the test would hang.
 */
@EnabledForJreRange(min = JRE.JAVA_21)
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SemaphoreVirtualThreadsTest {

  private static final int MANY = 4 * Runtime.getRuntime().availableProcessors();

  private Segment segment;

  @BeforeEach
  void create() {
    segment =
        Segment.privateBuilder()
            .maxBackends(MANY + 2)
            .semaphore("PLAIN", 1, SemaphoreKind.PLAIN)
            .semaphore("OWNED", 1, SemaphoreKind.OWNED)
            .create();
  }

  @AfterEach
  void close() {
    segment.close();
  }

  private interface Work {
    boolean with(Backend backend) throws Exception;
  }

  private record Virtual(Thread thread, CompletableFuture<Boolean> result) {}

  private Virtual start(Work work) throws ReflectiveOperationException {
    CompletableFuture<Boolean> result = new CompletableFuture<>();
    Runnable task =
        () -> {
          try {
            try (Backend backend = segment.join()) {
              result.complete(work.with(backend));
            }
          } catch (Throwable e) {
            result.completeExceptionally(e);
          }
        };
    Thread thread =
        (Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
    return new Virtual(thread, result);
  }

  private static void join(Virtual virtual) throws Exception {
    assertTrue(virtual.result().get());
    virtual.thread().join();
  }

  @ParameterizedTest
  @EnumSource
  void moreWaitersThanCarriersWaitForOneThatIsUnmounted(SemaphoreKind kind) throws Exception {
    Semaphore semaphore = Semaphore.find(segment, kind.name());
    AtomicInteger waiters = new AtomicInteger();
    CountDownLatch held = new CountDownLatch(1);
    Virtual holder =
        start(
            me -> {
              semaphore.acquire(me);
              held.countDown();
              Await.until(() -> waiters.get() == MANY);
              Thread.sleep(50);
              semaphore.release(me);
              return true;
            });
    held.await();
    List<Virtual> threads = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      int way = i % 3;
      threads.add(
          start(
              me -> {
                waiters.incrementAndGet();
                switch (way) {
                  case 0 -> semaphore.acquire(me);
                  case 1 -> semaphore.acquireUninterruptibly(me);
                  default -> assertTrue(semaphore.tryAcquire(me, 1, TimeUnit.HOURS));
                }
                Thread.yield();
                semaphore.release(me);
                return true;
              }));
    }
    join(holder);
    for (Virtual thread : threads) {
      join(thread);
    }
    assertEquals(1, semaphore.availablePermits());
  }

  @ParameterizedTest
  @EnumSource
  void timeRunsOutAndAnInterruptEndsTheWaitOrIsKept(SemaphoreKind kind) throws Exception {
    Semaphore semaphore = Semaphore.find(segment, kind.name());
    try (Backend holder = segment.join()) {
      semaphore.acquire(holder);
      join(
          start(
              me -> {
                assertFalse(semaphore.tryAcquire(me, Long.MIN_VALUE, TimeUnit.NANOSECONDS));
                long start = System.nanoTime();
                assertFalse(semaphore.tryAcquire(me, 20, TimeUnit.MILLISECONDS));
                return System.nanoTime() - start >= TimeUnit.MILLISECONDS.toNanos(20);
              }));
      Virtual interruptible =
          start(
              me -> {
                assertThrows(InterruptedException.class, () -> semaphore.acquire(me));
                return !Thread.interrupted();
              });
      Await.until(() -> segment.backends().size() == 2);
      interruptible.thread().interrupt();
      join(interruptible);
      Virtual patient =
          start(
              me -> {
                semaphore.acquireUninterruptibly(me);
                semaphore.release(me);
                return Thread.interrupted();
              });
      Await.until(() -> segment.backends().size() == 2);
      patient.thread().interrupt();
      Await.until(() -> !patient.thread().isInterrupted());
      semaphore.release(holder);
      join(patient);
    }
    assertEquals(1, semaphore.availablePermits());
  }
}
