// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.sync.Semaphore;

/** The calls that take no backend: complete, and good for a thread that has never joined. */
class CallsWithoutBackendTest {

  private Segment segment;
  private LWLock lock;
  private Semaphore semaphore;

  @BeforeEach
  void create() {
    segment =
        Segment.privateBuilder()
            .tranche("rows", 4)
            .semaphore("permits", 4, SemaphoreKind.OWNED)
            .create();
    lock = segment.tranche("rows").lock(1);
    semaphore = Semaphore.find(segment, "permits");
  }

  @AfterEach
  void close() {
    segment.close();
  }

  @ParameterizedTest
  @ValueSource(classes = {LWLock.class, Semaphore.class})
  void everyCallWithABackendHasOneWithout(Class<?> type) {
    List<String> missing = new ArrayList<>();
    for (Method with : type.getMethods()) {
      Class<?>[] parameters = with.getParameterTypes();
      if (parameters.length > 0 && parameters[0] == Backend.class) {
        String name = with.getName().replaceFirst("eldBy$", "eldByCurrentThread");
        Class<?>[] rest = Arrays.copyOfRange(parameters, 1, parameters.length);
        try {
          assertEquals(with.getReturnType(), type.getMethod(name, rest).getReturnType());
        } catch (NoSuchMethodException e) {
          missing.add(with.toString());
        }
      }
    }
    assertEquals(List.of(), missing);
  }

  /** A call, of a thread of its own; throws if it has not done its work. */
  private interface Call {
    void run() throws Exception;
  }

  private Stream<Call> acquires(LWLockMode mode) {
    List<Call> calls = new ArrayList<>();
    calls.add(() -> lock.acquire(mode));
    calls.add(() -> lock.acquireInterruptibly(mode));
    calls.add(() -> assertTrue(lock.tryAcquire(mode)));
    calls.add(() -> assertTrue(lock.tryAcquire(mode, Duration.ZERO)));
    calls.add(() -> assertTrue(lock.tryAcquire(mode, LockFixture.AN_HOUR)));
    if (mode == LWLockMode.EXCLUSIVE) {
      calls.add(() -> assertTrue(lock.acquireOrWait()));
      calls.add(() -> assertFalse(lock.acquireForRepair()));
    }
    return calls.stream();
  }

  @ParameterizedTest
  @EnumSource
  void anAcquireHasTheThreadJoinAndItLeavesWhenItEnds(LWLockMode mode) throws Exception {
    for (Call acquire : acquires(mode).toList()) {
      TestThread.start(
              "has not joined",
              () -> {
                acquire.run();
                assertNotNull(segment.backendOrNull());
                assertTrue(lock.isHeldByCurrentThread());
                assertTrue(lock.isHeldByCurrentThread(mode));
                assertTrue(lock.isHeldBy(segment.backend(), mode));
                lock.release();
                assertFalse(lock.isHeldByCurrentThread());
                return null;
              })
          .join();
      Await.until(() -> segment.backends().isEmpty());
      assertFalse(lock.isPoisoned());
    }
  }

  @Test
  void aCallOfASemaphoreHasTheThreadJoinAndItLeavesWhenItEnds() throws Exception {
    List<Call> acquires =
        List.of(
            semaphore::acquire,
            () -> semaphore.acquire(1),
            semaphore::acquireUninterruptibly,
            () -> semaphore.acquireUninterruptibly(1),
            () -> assertTrue(semaphore.tryAcquire()),
            () -> assertTrue(semaphore.tryAcquire(1)),
            () -> assertTrue(semaphore.tryAcquire(1, TimeUnit.HOURS)),
            () -> assertTrue(semaphore.tryAcquire(1, 1, TimeUnit.HOURS)));
    for (Call acquire : acquires) {
      TestThread.start(
              "has not joined",
              () -> {
                acquire.run();
                assertEquals(1, semaphore.heldByCurrentThread());
                assertEquals(1, semaphore.heldBy(segment.backend()));
                semaphore.release();
                assertThrows(IllegalMonitorStateException.class, () -> semaphore.release(1));
                return null;
              })
          .join();
      Await.until(() -> segment.backends().isEmpty());
    }
  }

  @Test
  void aThreadWithoutABackendHasNothingToReleaseAndDoesNotJoinForThat() {
    List<Call> calls =
        List.of(
            lock::release,
            lock::markConsistent,
            lock.asReadWriteLock().readLock()::unlock,
            lock.asReadWriteLock().writeLock()::unlock);
    for (Call call : calls) {
      IllegalMonitorStateException e = assertThrows(IllegalMonitorStateException.class, call::run);
      assertTrue(e.getMessage().contains("rows[1]"), e.getMessage());
    }
    assertFalse(lock.isHeldByCurrentThread());
    assertFalse(lock.isHeldByCurrentThread(LWLockMode.SHARED));
    assertNull(segment.backendOrNull());
  }

  @Test
  void aThreadThatEndsInsideLeavesThePoisonOfADeadHolder() throws Exception {
    TestThread.start(
            "dies inside",
            () -> {
              lock.acquire(LWLockMode.EXCLUSIVE);
              return null;
            })
        .join();
    Await.until(() -> segment.backends().isEmpty());
    assertTrue(lock.acquireForRepair());
    lock.markConsistent();
    lock.release();
    lock.acquire(LWLockMode.SHARED);
    lock.release();
  }

  @Test
  void afterTheSegmentsCloseEachOfThemSaysSo() {
    segment.close();
    List<Call> calls = new ArrayList<>();
    acquires(LWLockMode.EXCLUSIVE).forEach(calls::add);
    calls.add(lock::release);
    calls.add(lock::markConsistent);
    calls.add(lock::isHeldByCurrentThread);
    calls.add(lock.asReadWriteLock().readLock()::unlock);
    calls.add(semaphore::tryAcquire);
    calls.add(semaphore::release);
    calls.add(semaphore::heldByCurrentThread);
    calls.add(segment::repairAll);
    for (Call call : calls) {
      IllegalStateException e = assertThrows(IllegalStateException.class, call::run);
      assertTrue(e.getMessage().contains("closed"), e.getMessage());
    }
  }
}
