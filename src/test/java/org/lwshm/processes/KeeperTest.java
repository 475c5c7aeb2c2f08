// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Lifeline;
import org.lwshm.testing.Member;

/** The thread that cleans up after the threads of a JVM goes on whatever happens to it. */
class KeeperTest {

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();

  /** A thread of it dies inside a lock, after something was done to the keeper. */
  static final class Bereaved {

    private static volatile Object sink;

    private Bereaved() {}

    public static void main(String[] args) throws Exception {
      Lifeline.hold();
      Segment segment = Segment.attach(Path.of(args[0]));
      CountDownLatch inside = new CountDownLatch(1);
      CountDownLatch die = new CountDownLatch(1);
      Thread doomed =
          new Thread(
              () -> {
                segment.join();
                segment.tranche("locks").lock(0).acquire(LWLockMode.EXCLUSIVE);
                inside.countDown();
                try {
                  die.await();
                } catch (InterruptedException e) {
                  throw new AssertionError(e);
                }
              },
              "doomed");
      doomed.start();
      inside.await();
      if (args[1].equals("interrupt")) {
        interruptKeeper();
      } else {
        useUpMemory();
      }
      die.countDown();
      doomed.join();
      System.out.println("ok");
      Thread.sleep(Long.MAX_VALUE);
    }

    private static void interruptKeeper() throws InterruptedException {
      for (int i = 0; i < 3; i++) {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
          if (thread.getName().startsWith("lwshm-keeper")) {
            thread.interrupt();
            while (thread.isInterrupted() && thread.isAlive()) {
              Thread.sleep(1);
            }
          }
        }
      }
    }

    /** Leaves no memory to anybody for some looks of the keeper. */
    private static void useUpMemory() throws InterruptedException {
      List<Object> hoard = new ArrayList<>(1 << 20);
      for (int size = 1 << 20; size > 0; size /= 2) {
        try {
          while (true) {
            hoard.add(new byte[size]);
          }
        } catch (OutOfMemoryError e) {
          // Smaller ones may fit.
        }
      }
      sink = hoard;
      Thread.sleep(1500);
      sink = null;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"interrupt", "memory"})
  void aThreadThatDiesInsideIsCleanedUpAfterWhateverHappensToTheKeeper(String what)
      throws Exception {
    try (Segment segment = Member.builder(dataDir).create()) {
      LWLock lock = segment.tranche("locks").lock(0);
      Child child =
          children.jvm(
              List.of("-Xmx24m", "-XX:+UseSerialGC", "-Xshare:auto"),
              Bereaved.class,
              dataDir.toString(),
              what);
      child.ok();
      children.awaitUntil(lock::isPoisoned);
      children.awaitUntil(() -> segment.backends().isEmpty());
      while (warnings(child) == 0) {
        assertTrue(child.isAlive());
        Thread.sleep(1);
      }
      child.kill();
      assertEquals(1, warnings(child), child.errors());
    }
  }

  private static int warnings(Child child) throws InterruptedException {
    return child.errors().split("\"doomed\" was not closed", -1).length - 1;
  }
}
