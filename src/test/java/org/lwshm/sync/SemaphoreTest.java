// SPDX-License-Identifier: Apache-2.0

package org.lwshm.sync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lwshm.Await;
import org.lwshm.Backend;
import org.lwshm.BackendInfo;
import org.lwshm.LimitExceededException;
import org.lwshm.NotFoundException;
import org.lwshm.Segment;
import org.lwshm.SegmentBuilder;
import org.lwshm.SemaphoreKind;
import org.lwshm.ShmemRequest;
import org.lwshm.ShmemSize;
import org.lwshm.ShmemSubsystem;
import org.lwshm.SizeMismatchException;
import org.lwshm.TestThread;

class SemaphoreTest {

  private static final int PERMITS = 3;
  private static final long AN_HOUR = 1;

  private Segment segment;
  private Backend me;
  private Semaphore plain;
  private Semaphore owned;

  @BeforeEach
  void create() {
    segment =
        Segment.privateBuilder()
            .semaphore("plain", PERMITS, SemaphoreKind.PLAIN)
            .semaphore("owned", PERMITS, SemaphoreKind.OWNED)
            .spare(4096)
            .create();
    me = segment.join();
    plain = Semaphore.find(segment, "plain");
    owned = Semaphore.find(segment, "owned");
  }

  @AfterEach
  void close() {
    segment.close();
  }

  private Semaphore of(SemaphoreKind kind) {
    return kind == SemaphoreKind.PLAIN ? plain : owned;
  }

  /** What a waiter of another thread does with its own backend. */
  private interface Wait {
    void on(Semaphore semaphore, Backend backend) throws Exception;
  }

  private TestThread<Boolean> waiter(Semaphore semaphore, Wait wait) {
    return TestThread.start(
        "waiter",
        () -> {
          try (Backend own = segment.join()) {
            wait.on(semaphore, own);
            return Thread.interrupted();
          }
        });
  }

  private void awaitWaiter(Semaphore semaphore) throws InterruptedException {
    Await.until(() -> isWaitedFor(semaphore));
  }

  private boolean isWaitedFor(Semaphore semaphore) {
    return segment.backends().stream().anyMatch(b -> b.waitLock() == semaphore.offset());
  }

  // ---- making and finding

  @Test
  void knowsWhatItIs() {
    assertEquals("plain", plain.name());
    assertEquals(SemaphoreKind.PLAIN, plain.kind());
    assertEquals(SemaphoreKind.OWNED, owned.kind());
    assertEquals(segment, owned.segment());
    assertEquals(PERMITS, owned.availablePermits());
    assertTrue(owned.isFound());
    assertEquals(segment.struct("owned").offset(), owned.offset());
    assertEquals("owned[3 permits]", owned.toString());
    assertEquals(owned, Semaphore.find(segment, "owned"));
    assertEquals(owned.hashCode(), Semaphore.find(segment, "owned").hashCode());
    assertNotEquals(owned, plain);
  }

  @ParameterizedTest
  @EnumSource
  void whatIsThereAlreadyKeepsItsPermits(SemaphoreKind kind) {
    Semaphore made = Semaphore.init(segment, "late", 7, kind);
    assertFalse(made.isFound());
    made.acquireUninterruptibly(me, 2);
    Semaphore found = Semaphore.init(segment, "late", 100, kind);
    assertTrue(found.isFound());
    assertEquals(made, found);
    assertEquals(kind, found.kind());
    assertEquals(5, found.availablePermits());
  }

  @Test
  void whatIsNotThereIsNotFound() {
    assertThrows(NotFoundException.class, () -> Semaphore.find(segment, "none"));
    segment.initStruct("struct", 64);
    assertThrows(NotFoundException.class, () -> Semaphore.find(segment, "struct"));
    assertThrows(
        NotFoundException.class, () -> Semaphore.init(segment, "struct", 1, SemaphoreKind.PLAIN));
    assertThrows(
        SizeMismatchException.class,
        () -> Semaphore.init(segment, "plain", 1, SemaphoreKind.OWNED));
    assertThrows(
        SizeMismatchException.class,
        () -> Semaphore.init(segment, "owned", 1, SemaphoreKind.PLAIN));
  }

  @Test
  void badNamesAndNumbersAreRefused() {
    for (String name : List.of("", "a\0b", "x".repeat(48))) {
      assertThrows(IllegalArgumentException.class, () -> Semaphore.find(segment, name));
      assertThrows(
          IllegalArgumentException.class,
          () -> Semaphore.init(segment, name, 1, SemaphoreKind.PLAIN));
      assertThrows(
          IllegalArgumentException.class,
          () -> Segment.privateBuilder().semaphore(name, 1, SemaphoreKind.PLAIN));
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> Semaphore.init(segment, "late", -1, SemaphoreKind.OWNED));
    assertThrows(
        IllegalArgumentException.class,
        () -> Segment.privateBuilder().semaphore("s", -1, SemaphoreKind.OWNED));
    assertThrows(
        NullPointerException.class, () -> Segment.privateBuilder().semaphore("s", 1, null));
  }

  // ---- asked for before the segment is made

  private static ShmemSubsystem asking(String name, int backends) {
    return new ShmemSubsystem() {
      @Override
      public void request(ShmemRequest request) {
        request.semaphore(name, 2, SemaphoreKind.OWNED);
        request.backends(backends);
      }

      @Override
      public void init(Segment unpublished) {
        assertEquals(2, Semaphore.find(unpublished, name).availablePermits());
      }
    };
  }

  @Test
  void itsBytesAreInTheAccountAndItIsInTheIndex() {
    // The second one asks for more backends, and so makes the struct of the first one larger.
    SegmentBuilder builder =
        Segment.privateBuilder()
            .maxBackends(10)
            .semaphore("number", 1, SemaphoreKind.PLAIN)
            .register(asking("first", 100), asking("second", 101));
    ShmemSize size = builder.size();
    assertEquals(64, bytes(size, "number"));
    assertEquals(ShmemSize.cacheLineAlign(64 + 8 * 201), bytes(size, "first"));
    assertEquals(bytes(size, "first"), bytes(size, "second"));
    try (Segment made = builder.create()) {
      assertEquals(size.total(), made.size());
      for (String name : List.of("number", "first", "second")) {
        assertEquals(bytes(size, name), made.shmemIndex().find(name).orElseThrow().allocatedSize());
      }
      assertEquals(1, made.tranche("second").size());
      assertThrows(NotFoundException.class, () -> made.tranche("number"));
      assertEquals(1, Semaphore.find(made, "number").availablePermits());
      // Nothing was left over for one that nobody asked for.
      assertThrows(
          LimitExceededException.class, () -> Semaphore.init(made, "late", 1, SemaphoreKind.OWNED));
    }
  }

  private static long bytes(ShmemSize size, String name) {
    return size.rows().stream()
        .filter(row -> row.name().equals(name))
        .mapToLong(ShmemSize.Row::bytes)
        .sum();
  }

  @Test
  void whoAsksAfterItsPhaseOrBesidesItIsRefused() {
    SegmentBuilder builder = Segment.privateBuilder();
    ShmemRequest[] kept = new ShmemRequest[1];
    builder.register(
        new ShmemSubsystem() {
          @Override
          public void request(ShmemRequest request) {
            kept[0] = request;
            assertThrows(
                IllegalStateException.class, () -> builder.semaphore("s", 1, SemaphoreKind.PLAIN));
          }

          @Override
          public void init(Segment unpublished) {
            assertThrows(
                IllegalStateException.class, () -> kept[0].semaphore("s", 1, SemaphoreKind.PLAIN));
          }
        });
    builder.create().close();
  }

  @Test
  void aNameThatIsTakenCannotBeAskedForAgain() {
    for (SemaphoreKind kind : SemaphoreKind.values()) {
      SegmentBuilder builder = Segment.privateBuilder().struct("struct", 1).semaphore("s", 1, kind);
      assertThrows(IllegalArgumentException.class, () -> builder.semaphore("s", 1, kind));
      assertThrows(IllegalArgumentException.class, () -> builder.struct("s", 1));
      assertThrows(IllegalArgumentException.class, () -> builder.semaphore("struct", 1, kind));
      // What was refused has left nothing behind.
      builder.tranche("struct", 5).create().close();
    }
    SegmentBuilder builder = Segment.privateBuilder().tranche("t", 1);
    assertThrows(
        IllegalArgumentException.class, () -> builder.semaphore("t", 1, SemaphoreKind.OWNED));
    builder.semaphore("t", 1, SemaphoreKind.PLAIN).create().close();
  }

  // ---- taking and giving back

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void whatIsTakenIsGoneAndComesBack(SemaphoreKind kind) throws Exception {
    Semaphore semaphore = of(kind);
    semaphore.acquire(me);
    assertEquals(2, semaphore.availablePermits());
    semaphore.acquire();
    semaphore.acquireUninterruptibly();
    assertEquals(0, semaphore.availablePermits());
    assertFalse(semaphore.tryAcquire());
    assertFalse(semaphore.tryAcquire(me, 1, 1, TimeUnit.MILLISECONDS));
    semaphore.release();
    semaphore.release(2);
    semaphore.acquire(2);
    assertFalse(semaphore.tryAcquire(2));
    assertTrue(semaphore.tryAcquire(me));
    semaphore.release(me, 3);
    semaphore.acquireUninterruptibly(3);
    semaphore.release(me, 3);
    assertTrue(semaphore.tryAcquire(1, TimeUnit.HOURS));
    assertTrue(semaphore.tryAcquire(2, 0, TimeUnit.HOURS));
    assertFalse(semaphore.tryAcquire(me, 0, TimeUnit.HOURS));
    assertFalse(semaphore.tryAcquire(-1, TimeUnit.HOURS));
    assertFalse(semaphore.tryAcquire(Long.MIN_VALUE, TimeUnit.NANOSECONDS));
    assertFalse(semaphore.tryAcquire(Long.MIN_VALUE, TimeUnit.SECONDS));
    semaphore.release(me);
    semaphore.release(me, 2);
    assertEquals(PERMITS, semaphore.availablePermits());
  }

  @ParameterizedTest
  @EnumSource
  void fewerThanOnePermitIsRefused(SemaphoreKind kind) {
    Semaphore semaphore = of(kind);
    for (int permits : new int[] {0, -1, Integer.MIN_VALUE}) {
      List<Executable> calls =
          List.of(
              () -> semaphore.acquire(me, permits),
              () -> semaphore.acquireUninterruptibly(me, permits),
              () -> semaphore.tryAcquire(me, permits),
              () -> semaphore.tryAcquire(me, permits, 1, TimeUnit.HOURS),
              () -> semaphore.release(me, permits));
      calls.forEach(call -> assertThrows(IllegalArgumentException.class, call));
    }
    assertEquals(PERMITS, semaphore.availablePermits());
  }

  @Test
  void anybodyAddsPermitsToAPlainOne() {
    plain.release(me, 10);
    assertEquals(PERMITS + 10, plain.availablePermits());
    plain.release(me, Integer.MAX_VALUE - PERMITS - 10);
    LimitExceededException full =
        assertThrows(LimitExceededException.class, () -> plain.release(me));
    assertEquals(1, full.asked());
    assertEquals(0, full.left());
    assertEquals(Integer.MAX_VALUE, plain.availablePermits());
  }

  @Test
  void onlyWhoHasPermitsOfAnOwnedOneReleasesThem() throws Exception {
    assertThrows(IllegalMonitorStateException.class, () -> owned.release(me));
    owned.acquire(me, 2);
    assertThrows(IllegalMonitorStateException.class, () -> owned.release(me, 3));
    waiter(
            owned,
            (s, other) -> {
              assertThrows(IllegalMonitorStateException.class, () -> s.release(other));
              assertEquals(0, s.heldBy(other));
            })
        .join();
    assertEquals(2, owned.heldBy(me));
    owned.release(me);
    assertEquals(1, owned.heldBy(me));
    assertEquals(2, owned.availablePermits());
    plain.acquire(me);
    assertEquals(0, plain.heldBy(me));
  }

  @Test
  void permitsOfABackendThatLeftComeBackToAWaiterIfTheyAreOwned() throws Exception {
    Backend[] holder = new Backend[1];
    TestThread<Boolean> waiter =
        TestThread.start(
            "holder",
            () -> {
              holder[0] = segment.join();
              owned.acquire(holder[0], 3);
              plain.acquire(holder[0], 3);
              TestThread<Boolean> other = waiter(owned, (s, own) -> s.acquire(own, 2));
              awaitWaiter(owned);
              holder[0].close();
              return other.join();
            });
    waiter.join();
    assertTrue(owned.tryAcquire(me, 3));
    assertEquals(0, plain.availablePermits());
  }

  // ---- sleeping

  @ParameterizedTest
  @EnumSource
  void aWaiterSleepsUntilThereIsEnough(SemaphoreKind kind) throws Exception {
    Semaphore semaphore = of(kind);
    List<Wait> waits =
        List.of(
            (s, own) -> s.acquire(own, 3),
            (s, own) -> s.acquireUninterruptibly(own, 3),
            (s, own) -> assertTrue(s.tryAcquire(own, 3, AN_HOUR, TimeUnit.HOURS)));
    for (Wait wait : waits) {
      semaphore.acquire(me, 3);
      TestThread<Boolean> waiter =
          waiter(
              semaphore,
              (s, own) -> {
                wait.on(s, own);
                s.release(own, 3);
              });
      awaitWaiter(semaphore);
      BackendInfo seen =
          segment.backends().stream().filter(b -> b.slot() != me.slot()).findAny().orElseThrow();
      assertNull(seen.waitMode());
      semaphore.release(me, 2);
      assertTrue(waiter.thread().isAlive());
      assertEquals(2, semaphore.availablePermits());
      semaphore.release(me);
      waiter.join();
      assertFalse(isWaitedFor(semaphore));
      assertEquals(PERMITS, semaphore.availablePermits());
    }
  }

  @ParameterizedTest
  @EnumSource
  void anInterruptedWaiterGivesUpAndTakesNothing(SemaphoreKind kind) throws Exception {
    Semaphore semaphore = of(kind);
    semaphore.acquire(me, 2);
    List<Wait> waits =
        List.of(
            (s, own) -> s.acquire(own, 2),
            (s, own) -> s.acquire(2),
            (s, own) -> s.tryAcquire(own, 2, AN_HOUR, TimeUnit.HOURS),
            (s, own) -> s.tryAcquire(2, AN_HOUR, TimeUnit.HOURS));
    for (Wait wait : waits) {
      TestThread<Boolean> waiter =
          waiter(
              semaphore,
              (s, own) -> assertThrows(InterruptedException.class, () -> wait.on(s, own)));
      awaitWaiter(semaphore);
      waiter.thread().interrupt();
      assertFalse(waiter.join(), "the interrupt is used up");
      assertEquals(1, semaphore.availablePermits());
      assertFalse(isWaitedFor(semaphore));
    }
  }

  @ParameterizedTest
  @EnumSource
  void whoWasInterruptedBeforeTakesNothingEvenIfThereIsSome(SemaphoreKind kind) {
    Semaphore semaphore = of(kind);
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, () -> semaphore.acquire(me));
    assertFalse(Thread.currentThread().isInterrupted());
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, () -> semaphore.tryAcquire(me, 1, 1, TimeUnit.HOURS));
    assertEquals(PERMITS, semaphore.availablePermits());
  }

  @Test
  void anUninterruptibleWaiterWaitsOnAndKeepsTheInterrupt() throws Exception {
    owned.acquire(me, 3);
    TestThread<Boolean> waiter = waiter(owned, (s, own) -> s.acquireUninterruptibly(own));
    awaitWaiter(owned);
    waiter.thread().interrupt();
    // Another one that is interrupted after it shows that there was time enough to notice.
    TestThread<Boolean> other =
        waiter(
            owned, (s, own) -> assertThrows(InterruptedException.class, () -> s.acquire(own, 3)));
    Await.until(
        () -> segment.backends().stream().filter(b -> b.waitLock() == owned.offset()).count() == 2);
    other.thread().interrupt();
    other.join();
    assertTrue(waiter.thread().isAlive());
    owned.release(me);
    assertTrue(waiter.join(), "the interrupt is still there");
  }

  @Test
  void whoTriesDoesNotLookAtInterrupts() {
    Thread.currentThread().interrupt();
    assertTrue(owned.tryAcquire(me));
    assertTrue(Thread.interrupted());
  }

  // ---- whose backend

  @Test
  void aBackendOfAnotherThreadOrSegmentOrAClosedOneIsRefused() throws Exception {
    try (Segment second = Segment.privateBuilder().create();
        Backend foreign = second.join()) {
      assertThrows(IllegalArgumentException.class, () -> owned.acquire(foreign));
      assertThrows(IllegalArgumentException.class, () -> owned.release(foreign));
      assertThrows(IllegalArgumentException.class, () -> owned.heldBy(foreign));
    }
    TestThread.start(
            "other",
            () -> {
              assertThrows(IllegalStateException.class, () -> owned.tryAcquire(me));
              assertThrows(IllegalStateException.class, () -> owned.release(me));
              return assertThrows(IllegalStateException.class, () -> owned.heldBy(me));
            })
        .join();
    me.close();
    assertThrows(IllegalStateException.class, () -> owned.acquire(me));
    assertThrows(IllegalStateException.class, () -> owned.release(me));
  }

  @Test
  void aClosedSegmentIsRefused() {
    segment.close();
    assertThrows(IllegalStateException.class, owned::availablePermits);
    assertThrows(IllegalStateException.class, () -> owned.acquireUninterruptibly(me));
    assertThrows(IllegalStateException.class, () -> Semaphore.find(segment, "owned"));
    assertThrows(
        IllegalStateException.class, () -> Semaphore.init(segment, "late", 1, SemaphoreKind.PLAIN));
    assertEquals("owned[closed]", owned.toString());
  }
}
