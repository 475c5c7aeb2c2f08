// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
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
    private final ExecutorService other = Executors.newSingleThreadExecutor(this::daemon);
    private volatile boolean isOver;
    private Backend me;

    private Overflows() {
      Duration hour = LockFixture.AN_HOUR; // its class is not initialised at the stack's end
      for (LWLockMode mode : LWLockMode.values()) {
        acquires.put("try " + mode, () -> lock.tryAcquire(me, mode));
        acquires.put("timed " + mode, () -> lock.tryAcquire(me, mode, hour));
        acquires.put("untimed " + mode, () -> acquire(me, mode));
        acquires.put("interruptible " + mode, () -> acquireInterruptibly(mode));
      }
      acquires.put("or wait", () -> lock.acquireOrWait(me));
      acquires.put("for repair", this::acquireForRepair);
    }

    /** So that the JVM ends if the deep thread throws. */
    private Thread daemon(Runnable task) {
      Thread thread = new Thread(task, "other");
      thread.setDaemon(true);
      return thread;
    }

    private boolean acquire(Backend backend, LWLockMode mode) {
      lock.acquire(backend, mode);
      return true;
    }

    private boolean acquireInterruptibly(LWLockMode mode) throws InterruptedException {
      lock.acquireInterruptibly(me, mode);
      return true;
    }

    private boolean acquireForRepair() {
      lock.acquireForRepair(me);
      return true;
    }

    private boolean release(Backend backend) {
      lock.release(backend);
      return true;
    }

    private boolean passThrough(LWLockMode mode) {
      return acquire(segment.backend(), mode) && release(segment.backend());
    }

    public static void main(String[] args) throws Exception {
      Overflows overflows = new Overflows();
      DeepStack.run(overflows::all);
      overflows.close();
      System.out.println("end");
    }

    private Void all() throws Exception {
      me = segment.join();
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
      }
      System.out.println("left to the keeper: " + leaveToTheKeeper());
      me.close();
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
          acquire(me, mode);
          release(me);
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
        boolean held = lock.isHeldBy(me);
        if (held) {
          release(me);
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
        other.submit(() -> acquire(segment.backend(), mode)).get();
      }
      if (what == Other.HAS_READ) {
        other.submit(() -> release(segment.backend())).get();
      }
      return other.submit(
          () -> {
            if (what == Other.READS || what == Other.WRITES) {
              Await.until(() -> isOver || isAwaited());
              release(segment.backend());
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
        acquire(me, mode);
        Future<?> waiter = other.submit(() -> toAnother && passThrough(LWLockMode.EXCLUSIVE));
        Await.until(() -> !toAnother || isAwaited());
        boolean released = stack.call(() -> release(me));
        if (!released) {
          releaseIfHeld();
        }
        if (lock.isHeldBy(me)) {
          return "held at " + stack;
        }
        waiter.get();
        requireFree();
      }
      return "good";
    }

    /** As in a finally block further up. */
    private void releaseIfHeld() {
      try {
        release(me);
      } catch (IllegalMonitorStateException e) {
        // It had been released.
      }
    }

    /** The thread makes no further call, and the other one gets the lock. */
    private String leaveToTheKeeper() throws Exception {
      DeepStack stack = new DeepStack();
      while (stack.hasNext()) {
        begin(Other.HAS_READ).get();
        if (stack.call(() -> acquire(me, LWLockMode.EXCLUSIVE))) {
          release(me);
        } else {
          other.submit(() -> passThrough(LWLockMode.EXCLUSIVE)).get();
        }
      }
      requireFree();
      return "good";
    }

    /** Both threads acquire and release it in both modes, or hang. */
    private void requireFree() throws Exception {
      assertEquals(0, me.heldLocks());
      for (LWLockMode mode : LWLockMode.values()) {
        other.submit(() -> passThrough(mode)).get();
        acquire(me, mode);
        release(me);
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
