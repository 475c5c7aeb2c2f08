// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The stack ends at every point of an acquire, and of a release. An acquire that throws has not
 * acquired; a release that throws has released, or not begun. Nothing is stuck afterwards.
 */
class LWLockStackOverflowTest {

  /** What the other thread does with the lock meanwhile. */
  private enum Other {
    NOTHING,
    HAS_READ,
    READS,
    WRITES
  }

  static final class Overflows {

    private static final int WARM_UP = 20_000;

    private final Segment segment = Segment.privateBuilder().tranche("rows", 4).create();
    private final LWLock lock = segment.tranche("rows").lock(1);
    private final Map<String, DeepStack.Call> acquires = new LinkedHashMap<>();
    private final ExecutorService other = Executors.newSingleThreadExecutor();
    private volatile boolean isOver;

    private Overflows() {
      for (LWLockMode mode : LWLockMode.values()) {
        acquires.put("try " + mode, () -> lock.tryAcquire(mode));
        acquires.put("timed " + mode, () -> lock.tryAcquire(mode, LockFixture.AN_HOUR));
        acquires.put("untimed " + mode, () -> acquire(mode));
        acquires.put("interruptible " + mode, () -> acquireInterruptibly(mode));
      }
      acquires.put("or wait", lock::acquireOrWait);
      acquires.put("for repair", this::acquireForRepair);
    }

    private boolean acquire(LWLockMode mode) {
      lock.acquire(mode);
      return true;
    }

    private boolean acquireInterruptibly(LWLockMode mode) throws InterruptedException {
      lock.acquireInterruptibly(mode);
      return true;
    }

    private boolean acquireForRepair() {
      lock.acquireForRepair();
      return true;
    }

    private boolean release() {
      lock.release();
      return true;
    }

    public static void main(String[] args) throws Exception {
      Overflows overflows = new Overflows();
      DeepStack.run(overflows::all);
      overflows.close();
      System.out.println("end");
    }

    private Void all() throws Exception {
      warmUp();
      for (Other what : Other.values()) {
        for (Map.Entry<String, DeepStack.Call> acquire : acquires.entrySet()) {
          String verdict = acquireAtEveryDepth(what, acquire.getValue());
          System.out.println(acquire.getKey() + ", other " + what + ": " + verdict);
        }
      }
      for (LWLockMode mode : LWLockMode.values()) {
        System.out.println("release " + mode + ": " + releaseAtEveryDepth(mode, false));
        System.out.println("release " + mode + " to another: " + releaseAtEveryDepth(mode, true));
        System.out.println("keeper, " + mode + ": " + leaveToTheKeeper(mode));
      }
      segment.backend().close();
      return null;
    }

    private void close() throws Exception {
      other.submit(() -> segment.backend().close()).get();
      other.shutdown();
      segment.close();
    }

    /** So that it is compiled, where there is a compiler. */
    private void warmUp() {
      for (int i = 0; i < WARM_UP; i++) {
        for (LWLockMode mode : LWLockMode.values()) {
          acquire(mode);
          release();
        }
      }
    }

    private String acquireAtEveryDepth(Other what, DeepStack.Call acquire) throws Exception {
      DeepStack stack = new DeepStack();
      while (stack.hasNext()) {
        isOver = false;
        Future<?> meanwhile = begin(what);
        boolean acquired = stack.call(acquire);
        isOver = true;
        boolean held = lock.isHeldByCurrentThread();
        if (held) {
          release();
        }
        meanwhile.get();
        if (acquired != held) {
          return "acquired: " + acquired + ", held: " + held + " at " + stack;
        }
        requireFree();
      }
      return "good";
    }

    private Future<?> begin(Other what) throws Exception {
      LWLockMode mode = what == Other.WRITES ? LWLockMode.EXCLUSIVE : LWLockMode.SHARED;
      if (what != Other.NOTHING) {
        other.submit(() -> acquire(mode)).get();
      }
      if (what == Other.HAS_READ) {
        other.submit(this::release).get();
      }
      return other.submit(
          () -> {
            if (what == Other.READS || what == Other.WRITES) {
              Await.until(() -> isOver || isAwaited());
              release();
            }
            return null;
          });
    }

    private boolean isAwaited() {
      return segment.backends().stream().anyMatch(b -> b.waitLock() == lock.offset());
    }

    private String releaseAtEveryDepth(LWLockMode mode, boolean toAnother) throws Exception {
      DeepStack stack = new DeepStack();
      while (stack.hasNext()) {
        acquire(mode);
        Future<?> waiter =
            other.submit(() -> toAnother && acquire(LWLockMode.EXCLUSIVE) && release());
        Await.until(() -> !toAnother || isAwaited());
        boolean released = stack.call(this::release);
        if (lock.isHeldByCurrentThread()) {
          if (released) {
            return "released, and held at " + stack;
          }
          release();
        }
        waiter.get();
        requireFree();
      }
      return "good";
    }

    /** The thread makes no further call, and another gets the lock. */
    private String leaveToTheKeeper(LWLockMode mode) throws Exception {
      DeepStack stack = new DeepStack();
      while (stack.hasNext()) {
        boolean acquired = stack.call(() -> acquire(mode));
        if (!acquired) {
          other.submit(() -> acquire(LWLockMode.EXCLUSIVE) && release()).get();
        } else {
          release();
        }
      }
      requireFree();
      return "good";
    }

    /** Both threads acquire and release it in both modes, or hang. */
    private void requireFree() throws Exception {
      assertEquals(0, segment.backend().heldLocks());
      for (LWLockMode mode : LWLockMode.values()) {
        other.submit(() -> acquire(mode) && release()).get();
        acquire(mode);
        release();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation"})
  @Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void nothingIsLeftHalfDone(String compiler) throws Exception {
    try (ChildJvm jvm = ChildJvm.start(List.of(compiler), Overflows.class)) {
      List<String> lines = jvm.readAll();
      assertEquals(List.of("end"), lines.stream().filter(l -> !l.endsWith(": good")).toList());
      assertEquals(0, jvm.waitFor());
    }
  }
}
