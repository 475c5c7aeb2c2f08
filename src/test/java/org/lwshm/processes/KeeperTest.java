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
import org.lwshm.LWLockMode;
import org.lwshm.LWLockTranche;
import org.lwshm.Segment;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Lifeline;
import org.lwshm.testing.Member;

/** The thread that cleans up after the threads of a JVM goes on whatever happens to it. */
class KeeperTest {

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();

  /** A thread of it dies inside a lock while something is done to the keeper, and another later. */
  static final class Bereaved {

    private static volatile Object sink;

    private Bereaved() {}

    public static void main(String[] args) throws Exception {
      Lifeline.hold();
      Segment segment = Segment.attach(Path.of(args[0]));
      CountDownLatch first = new CountDownLatch(1);
      CountDownLatch second = new CountDownLatch(1);
      Thread[] doomed = {doom(segment, "first", 0, first), doom(segment, "second", 1, second)};
      if (args[1].equals("interrupt")) {
        interruptKeeper();
        first.countDown();
      } else {
        useUpMemory(first::countDown);
      }
      second.countDown();
      for (Thread thread : doomed) {
        thread.join();
      }
      System.out.println("ok");
      Thread.sleep(Long.MAX_VALUE);
    }

    /** Starts a thread that dies inside a lock when it is told to. */
    private static Thread doom(Segment segment, String name, int lock, CountDownLatch die)
        throws InterruptedException {
      CountDownLatch inside = new CountDownLatch(1);
      Thread doomed =
          new Thread(
              () -> {
                segment.join();
                segment.tranche("locks").lock(lock).acquire(LWLockMode.EXCLUSIVE);
                inside.countDown();
                try {
                  die.await();
                } catch (InterruptedException e) {
                  throw new AssertionError(e);
                }
              },
              name);
      doomed.start();
      inside.await();
      return doomed;
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
    private static void useUpMemory(Runnable meanwhile) {
      List<Object> hoard = new ArrayList<>(1 << 21);
      sink = hoard;
      fill(hoard);
      meanwhile.run();
      for (long end = System.nanoTime() + 1_500_000_000L; System.nanoTime() - end < 0; ) {
        fill(hoard); // with what somebody else has given back
      }
      sink = null;
    }

    private static void fill(List<Object> hoard) {
      for (int size = 1 << 20; size > 0; size /= 2) {
        try {
          while (true) {
            hoard.add(new byte[size]);
          }
        } catch (OutOfMemoryError e) {
          // Smaller ones may fit.
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"interrupt", "memory"})
  void threadsThatDieInsideAreCleanedUpAfterWhateverHappensToTheKeeper(String what)
      throws Exception {
    try (Segment segment = Member.builder(dataDir).create()) {
      LWLockTranche locks = segment.tranche("locks");
      Child child =
          children.jvm(
              List.of("-Xmx24m", "-XX:+UseSerialGC", "-XX:-UseTLAB", "-Xshare:auto"),
              Bereaved.class,
              dataDir.toString(),
              what);
      child.ok();
      children.awaitUntil(() -> locks.lock(0).isPoisoned() && locks.lock(1).isPoisoned());
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
    return child.errors().split("\"second\" was not closed", -1).length - 1;
  }
}
