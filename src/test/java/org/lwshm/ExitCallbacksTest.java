// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ExitCallbacksTest {

  private final ExitCallbacks callbacks = new ExitCallbacks();
  private final List<String> order = new ArrayList<>();

  private ExitCallback note(String what) {
    return () -> order.add(what);
  }

  @Test
  void theListsRunInTheirOrderAndEachLastInFirstOut() {
    callbacks.onProcExit(note("proc 1"));
    callbacks.onShmemExit(note("shmem 1"));
    callbacks.beforeShmemExit(note("before 1"));
    callbacks.beforeShmemExit(note("before 2"));
    callbacks.onShmemExit(note("shmem 2"));
    callbacks.onProcExit(note("proc 2"));
    callbacks.run(false);
    assertEquals(List.of("before 2", "before 1", "shmem 2", "shmem 1", "proc 2", "proc 1"), order);
  }

  @Test
  void theyRunOnce() {
    callbacks.onProcExit(note("once"));
    callbacks.run(false);
    callbacks.run(false);
    callbacks.run(true);
    assertEquals(List.of("once"), order);
  }

  @Test
  void aThrowingCallbackNeitherStopsNorHidesTheOthers() {
    callbacks.beforeShmemExit(note("last"));
    callbacks.beforeShmemExit(
        () -> {
          throw new Exception("checked, thrown on purpose by a test");
        });
    callbacks.beforeShmemExit(
        () -> {
          throw new AssertionError("an error, thrown on purpose by a test");
        });
    callbacks.beforeShmemExit(note("first"));
    callbacks.onProcExit(note("proc"));
    callbacks.run(false);
    assertEquals(List.of("first", "last", "proc"), order);
  }

  @Test
  void anyOfThemCanBeCancelledOnce() {
    ExitCallbacks.Registration oldest = callbacks.onShmemExit(note("oldest"));
    callbacks.onShmemExit(note("middle"));
    ExitCallbacks.Registration newest = callbacks.onShmemExit(note("newest"));
    assertTrue(oldest.cancel());
    assertFalse(oldest.cancel());
    callbacks.run(false);
    assertFalse(newest.cancel(), "it has run");
    assertEquals(List.of("newest", "middle"), order);
  }

  @Test
  void aCallbackIsRemovedBeforeItIsCalled() {
    ExitCallbacks.Registration[] own = new ExitCallbacks.Registration[1];
    own[0] = callbacks.onShmemExit(() -> order.add("cancelled: " + own[0].cancel()));
    callbacks.run(false);
    assertEquals(List.of("cancelled: false"), order);
  }

  @Test
  void thereIsNoCap() {
    IntStream.range(0, 10_000).forEach(i -> callbacks.onProcExit(note("" + i)));
    callbacks.run(false);
    assertEquals(10_000, order.size());
  }

  @Test
  void whatACallbackRegistersForItsOwnOrALaterListRuns() {
    callbacks.onShmemExit(note("older"));
    callbacks.onShmemExit(
        () -> {
          order.add("registers");
          callbacks.onShmemExit(note("next"));
          callbacks.onProcExit(note("later"));
        });
    callbacks.run(false);
    assertEquals(List.of("registers", "next", "older", "later"), order);
  }

  @Test
  void whatWouldNeverRunIsRefused() {
    callbacks.onShmemExit(() -> callbacks.beforeShmemExit(note("too late")));
    callbacks.onShmemExit(
        () -> {
          assertThrows(
              IllegalStateException.class, () -> callbacks.beforeShmemExit(note("too late")));
          order.add("refused");
        });
    callbacks.run(false);
    assertEquals(List.of("refused"), order);
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> callbacks.onProcExit(note("too late")));
    assertTrue(e.getMessage().contains("on_proc_exit"), e.getMessage());
  }

  @Test
  void aCallbackThatLeavesOnceMoreReturnsAtOnce() {
    callbacks.onShmemExit(note("second"));
    callbacks.onShmemExit(
        () -> {
          callbacks.run(false);
          order.add("first");
        });
    callbacks.run(false);
    assertEquals(List.of("first", "second"), order);
  }

  @Test
  void aSecondCallerWaitsForTheFirst() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    callbacks.onShmemExit(
        () -> {
          running.countDown();
          goOn.await();
          order.add("done");
        });
    TestThread<Void> first =
        TestThread.start(
            "first",
            () -> {
              callbacks.run(false);
              return null;
            });
    running.await();
    TestThread<Integer> second =
        TestThread.start(
            "second",
            () -> {
              callbacks.run(true);
              return order.size();
            });
    Await.until(() -> second.thread().getState() == Thread.State.TIMED_WAITING);
    goOn.countDown();
    first.join();
    assertEquals(1, second.join());
    assertEquals(List.of("done"), order);
  }
}
