// SPDX-License-Identifier: Apache-2.0

package org.lwshm.sync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.DeepStack;
import org.lwshm.Segment;
import org.lwshm.SemaphoreKind;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;

/** The stack ends at every point of an acquire: one that throws has taken no permit. */
class SemaphoreStackOverflowTest {

  @AutoClose final Children children = new Children();

  static final class Overflows {

    private static final int PERMITS = 3;
    private static final int WARM_UP = 20_000;

    private Overflows() {}

    public static void main(String[] args) throws Exception {
      try (Segment segment =
          Segment.privateBuilder()
              .semaphore("owned", PERMITS, SemaphoreKind.OWNED)
              .semaphore("plain", PERMITS, SemaphoreKind.PLAIN)
              .create()) {
        DeepStack.run(() -> all(segment));
      }
      System.out.println("end");
    }

    private static Void all(Segment segment) throws Exception {
      for (String name : List.of("owned", "plain")) {
        Semaphore semaphore = Semaphore.find(segment, name);
        for (Map.Entry<String, DeepStack.Call> acquire : acquires(semaphore).entrySet()) {
          String verdict = acquireAtEveryDepth(semaphore, acquire.getValue());
          System.out.println(name + " " + acquire.getKey() + ": " + verdict);
        }
      }
      segment.backend().close();
      return null;
    }

    private static Map<String, DeepStack.Call> acquires(Semaphore semaphore) {
      Map<String, DeepStack.Call> acquires = new LinkedHashMap<>();
      acquires.put("try", semaphore::tryAcquire);
      acquires.put("timed", () -> semaphore.tryAcquire(1, TimeUnit.HOURS));
      acquires.put(
          "untimed",
          () -> {
            semaphore.acquire();
            return true;
          });
      acquires.put(
          "uninterruptible",
          () -> {
            semaphore.acquireUninterruptibly();
            return true;
          });
      return acquires;
    }

    private static String acquireAtEveryDepth(Semaphore semaphore, DeepStack.Call acquire)
        throws Exception {
      for (int i = 0; i < WARM_UP; i++) {
        assertTrue(acquire.run());
        semaphore.release();
      }
      DeepStack stack = new DeepStack();
      while (stack.hasNext()) {
        boolean acquired = stack.call(acquire);
        int taken = PERMITS - semaphore.availablePermits();
        if (taken != (acquired ? 1 : 0)) {
          return "acquired: " + acquired + ", permits taken: " + taken + " at " + stack;
        }
        if (acquired) {
          semaphore.release();
        }
      }
      return "good";
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation"})
  void noPermitIsLost(String compiler) throws Exception {
    Child jvm = children.jvm(List.of(compiler), Overflows.class);
    List<String> lines = jvm.rest();
    assertEquals(List.of("end"), lines.stream().filter(l -> !l.endsWith(": good")).toList());
    assertEquals(0, jvm.waitFor());
  }
}
