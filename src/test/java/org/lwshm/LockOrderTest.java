// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The check of lock order, which is switched on when the JVM starts: in one of its own. */
class LockOrderTest {

  /** Locks tranches and locks in one order and in the other, and says what came of it. */
  static final class Disorderly {

    private Disorderly() {}

    public static void main(String[] args) throws Exception {
      try (Segment segment = Segment.privateBuilder().tranche("a", 2).tranche("b", 2).create();
          Backend me = segment.join()) {
        LWLock a = segment.tranche("a").lock(0);
        LWLock b = segment.tranche("b").lock(0);
        LWLock second = segment.tranche("b").lock(1);
        say("a, b", () -> acquire(me, a, b));
        say("a, b again", () -> acquire(me, a, b));
        say("b, a", () -> acquire(me, b, a));
        say("b, try a", () -> tryAcquire(me, b, a));
        say("b, a interruptibly", () -> acquireInterruptibly(me, b, a));
        say("b[0], b[1]", () -> acquire(me, b, second));
        say("b[1], b[0]", () -> acquire(me, second, b));
        System.out.println("held: " + me.heldLocks());
      }
    }

    private interface Work {
      void run() throws Exception;
    }

    private static void say(String what, Work work) throws Exception {
      try {
        work.run();
        System.out.println(what + ": fine");
      } catch (LockOrderException e) {
        boolean named = e.getMessage().contains("\"a\"") && e.getMessage().contains("\"b\"");
        System.out.println(what + ": refused" + (named ? ", both are named" : ""));
      }
    }

    private static void acquire(Backend me, LWLock first, LWLock second) {
      first.acquire(me, LWLockMode.SHARED);
      try {
        second.acquire(me, LWLockMode.EXCLUSIVE);
      } finally {
        me.releaseAll();
      }
    }

    private static void acquireInterruptibly(Backend me, LWLock first, LWLock second)
        throws InterruptedException {
      first.acquire(me, LWLockMode.EXCLUSIVE);
      try {
        second.acquireInterruptibly(me, LWLockMode.SHARED);
      } finally {
        me.releaseAll();
      }
    }

    private static void tryAcquire(Backend me, LWLock first, LWLock second) {
      first.acquire(me, LWLockMode.SHARED);
      second.tryAcquire(me, LWLockMode.EXCLUSIVE);
      me.releaseAll();
    }
  }

  private static List<String> run(String check) throws Exception {
    try (ChildJvm jvm =
        ChildJvm.start(List.of("-Dorg.lwshm.checkLockOrder=" + check), Disorderly.class)) {
      List<String> lines = jvm.readAll();
      assertEquals(0, jvm.waitFor());
      return lines;
    }
  }

  @Test
  void whereItIsOnTheOtherOrderIsRefused() throws Exception {
    assertEquals(
        List.of(
            "a, b: fine",
            "a, b again: fine",
            "b, a: refused, both are named",
            "b, try a: fine",
            "b, a interruptibly: refused, both are named",
            "b[0], b[1]: fine",
            "b[1], b[0]: refused",
            "held: 0"),
        run("true"));
  }

  @Test
  void whereItIsOffNothingIs() throws Exception {
    assertEquals(8, run("false").stream().filter(l -> !l.contains("refused")).count());
  }
}
