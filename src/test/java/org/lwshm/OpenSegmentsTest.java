// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How a process leaves its segments: each test is a JVM that ends in another way. */
class OpenSegmentsTest {

  @TempDir Path dataDir;

  /** Opens a segment, says so in its callbacks, and ends as its second argument says. */
  static final class Leaver {

    private Leaver() {}

    public static void main(String[] args) throws Exception {
      Segment outer = Segment.privateBuilder().create();
      outer.exitCallbacks().onProcExit(() -> System.out.println("outer"));
      Segment segment = Segment.builder(Path.of(args[0])).struct("a", 8).tranche("t", 1).create();
      ExitCallbacks callbacks = segment.exitCallbacks();
      callbacks.onProcExit(() -> System.out.println("proc, closed: " + segment.isClosed()));
      callbacks.onShmemExit(() -> System.out.println("shmem, closed: " + segment.isClosed()));
      callbacks.beforeShmemExit(() -> System.out.println("before"));
      switch (args[1]) {
        case "return" -> {}
        case "exit" -> System.exit(3);
        case "exit in a callback" -> {
          callbacks.beforeShmemExit(() -> System.exit(4));
          segment.close();
        }
        case "exit in a callback of the hook" -> {
          callbacks.beforeShmemExit(() -> System.exit(5));
          callbacks.onShmemExit(() -> System.exit(6));
          System.exit(3);
        }
        case "exit with callbacks that hang" -> {
          callbacks.limit(Duration.ofMillis(50));
          for (int i = 0; i < 3; i++) {
            callbacks.beforeShmemExit(() -> Thread.sleep(Long.MAX_VALUE));
            callbacks.onShmemExit(Leaver::hang);
            callbacks.onProcExit(Leaver::hang);
          }
          System.exit(3);
        }
        case "wait in a callback of close" -> {
          callbacks.limit(Duration.ofMillis(50));
          callbacks.onShmemExit(
              () -> {
                System.out.println("waiting");
                Thread.sleep(Long.MAX_VALUE);
              });
          segment.close();
        }
        case "close in two threads" -> {
          callbacks.limit(Duration.ofMillis(50));
          CountDownLatch inside = new CountDownLatch(1);
          CountDownLatch goOn = new CountDownLatch(1);
          callbacks.beforeShmemExit(
              () -> {
                inside.countDown();
                goOn.await();
              });
          Thread first = new Thread(segment::close, "first");
          first.start();
          inside.await();
          try {
            segment.close();
          } catch (SegmentBusyException e) {
            System.out.println(e.getMessage().contains("\"first\""));
          }
          goOn.countDown();
          first.join();
          segment.close();
        }
        case "exit while a thread holds a lock" -> {
          TestThread<Void> holder =
              TestThread.start(
                  "holder",
                  () -> {
                    LWLock lock = segment.tranche("t").lock(0);
                    Backend me = segment.join();
                    lock.acquire(me, LWLockMode.EXCLUSIVE);
                    Thread.sleep(Long.MAX_VALUE);
                    return null;
                  });
          Await.until(() -> segment.backends().stream().anyMatch(b -> b.heldLocks() == 1));
          System.out.println("held: " + holder.thread().isAlive());
          System.exit(3);
        }
        case "exit while threads are locking" -> {
          LWLock lock = segment.tranche("t").lock(0);
          for (int i = 0; i < 4; i++) {
            LWLockMode mode = LWLockMode.values()[i % 2];
            TestThread.start("locker-" + i, () -> lockForever(segment, lock, mode));
          }
          Await.until(lock::hasWaiters);
          System.exit(3);
        }
        case "exit while a thread waits for a lock" -> {
          LWLock lock = segment.tranche("t").lock(0);
          lock.acquire(segment.join(), LWLockMode.SHARED);
          TestThread.start("waiter", () -> lockForever(segment, lock, LWLockMode.EXCLUSIVE));
          Await.until(lock::hasWaiters);
          System.exit(3);
        }
        case "wait" -> {
          System.out.println("waiting");
          Thread.sleep(Long.MAX_VALUE);
        }
        default -> throw new IllegalArgumentException(args[1]);
      }
    }

    /** Whatever is done to the thread. */
    private static void hang() {
      while (true) {
        LockSupport.park();
      }
    }

    private static Void lockForever(Segment segment, LWLock lock, LWLockMode mode) {
      Backend me = segment.join();
      while (true) {
        lock.acquire(me, mode);
        lock.release(me);
      }
    }
  }

  private static final List<String> ALL_IN_ORDER =
      List.of("before", "shmem, closed: false", "proc, closed: true", "outer");

  private void assertLeaves(String how, int status, List<String> lines) throws Exception {
    try (ChildJvm child = ChildJvm.start(Leaver.class, dataDir.toString(), how)) {
      assertEquals(lines, child.readAll());
      assertEquals(status, child.waitFor());
      assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
    }
  }

  @Test
  void callbacksRunWhenMainReturns() throws Exception {
    assertLeaves("return", 0, ALL_IN_ORDER);
  }

  @Test
  void callbacksRunOnSystemExit() throws Exception {
    assertLeaves("exit", 3, ALL_IN_ORDER);
  }

  @ParameterizedTest
  @CsvSource({"TERM, 15", "INT, 2", "HUP, 1"})
  void callbacksRunOnSignals(String signal, int number) throws Exception {
    try (ChildJvm child = ChildJvm.start(Leaver.class, dataDir.toString(), "wait")) {
      assertEquals("waiting", child.readLine());
      child.signal(signal);
      assertEquals(ALL_IN_ORDER, child.readAll());
      assertEquals(128 + number, child.waitFor());
      assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
    }
  }

  @Test
  void aCallbackThatExitsInsideCloseLeavesTheRestToTheHook() throws Exception {
    assertLeaves("exit in a callback", 4, ALL_IN_ORDER);
  }

  @Test
  void callbacksThatExitInsideTheHookLeaveTheRestToAnotherThread() throws Exception {
    assertLeaves("exit in a callback of the hook", 3, ALL_IN_ORDER);
  }

  @Test
  void callbacksThatHangDoNotKeepTheProcess() throws Exception {
    assertLeaves("exit with callbacks that hang", 3, ALL_IN_ORDER);
  }

  @Test
  void aCallbackThatHangsInCloseDoesNotKeepTheProcess() throws Exception {
    try (ChildJvm child =
        ChildJvm.start(Leaver.class, dataDir.toString(), "wait in a callback of close")) {
      assertEquals("before", child.readLine());
      assertEquals("waiting", child.readLine());
      child.signal("TERM");
      assertEquals(ALL_IN_ORDER.subList(1, 4), child.readAll());
      assertEquals(143, child.waitFor());
      assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
    }
  }

  @Test
  void aSecondThreadThatClosesDoesNotWaitForEver() throws Exception {
    List<String> lines =
        List.of("true", "before", "shmem, closed: false", "proc, closed: true", "outer");
    assertLeaves("close in two threads", 0, lines);
  }

  @Test
  void aLockThatAThreadHoldsForeverDoesNotKeepTheProcess() throws Exception {
    List<String> lines =
        List.of("held: true", "before", "shmem, closed: false", "proc, closed: true", "outer");
    assertLeaves("exit while a thread holds a lock", 3, lines);
  }

  @Test
  void threadsThatLockAreStoppedWithoutACrash() throws Exception {
    for (int i = 0; i < 5; i++) {
      assertLeaves("exit while threads are locking", 3, ALL_IN_ORDER);
    }
  }

  @Test
  void aThreadThatWaitsForALockDoesNotKeepTheProcess() throws Exception {
    assertLeaves("exit while a thread waits for a lock", 3, ALL_IN_ORDER);
  }
}
