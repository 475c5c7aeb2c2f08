// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.ref.WeakReference;
import java.lang.reflect.Field;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.sync.Semaphore;

/**
 * A backend that is collected is ended, so a call must refer to its backend until the native code
 * has returned. Compiled code drops a reference after its last use: these calls run in a JVM that
 * compiles them before they are first called.
 */
class ReachabilityTest {

  /** Sleeps in each call in turn, with a backend to which nothing else refers, and collects. */
  static final class Sleepers {

    private static final int WARM_UP = 20;

    private interface Call {
      void with(Backend backend) throws Exception;
    }

    private final Segment segment =
        Segment.privateBuilder()
            .tranche("rows", 1)
            .semaphore("owned", 1, SemaphoreKind.OWNED)
            .semaphore("plain", 1, SemaphoreKind.PLAIN)
            .create();
    private final LWLock lock = segment.tranche("rows").lock(0);
    private final Map<String, Call> calls = new LinkedHashMap<>();
    private final Backend me = segment.join();

    private Sleepers() {
      segment.tranche("rows").onRepair((backend, poisoned) -> {});
      for (LWLockMode mode : LWLockMode.values()) {
        calls.put("acquire " + mode, b -> lock.acquire(b, mode));
        calls.put("acquireInterruptibly " + mode, b -> lock.acquireInterruptibly(b, mode));
        calls.put("tryAcquire " + mode, b -> lock.tryAcquire(b, mode, LockFixture.AN_HOUR));
      }
      calls.put("acquireOrWait", b -> lock.acquireOrWait(b));
      calls.put("acquireForRepair", b -> lock.acquireForRepair(b));
      for (String name : List.of("owned", "plain")) {
        Semaphore semaphore = Semaphore.find(segment, name);
        calls.put(name + " acquire", semaphore::acquire);
        calls.put(name + " acquireUninterruptibly", semaphore::acquireUninterruptibly);
        calls.put(name + " tryAcquire", b -> semaphore.tryAcquire(b, 1, TimeUnit.HOURS));
      }
    }

    public static void main(String[] args) throws Exception {
      Sleepers sleepers = new Sleepers();
      for (Map.Entry<String, Call> call : sleepers.calls.entrySet()) {
        // What a method meets for the first time, it is not compiled for.
        for (int i = 0; i < WARM_UP; i++) {
          sleepers.sleepIn(call.getValue(), false);
        }
        System.out.println(call.getKey() + ": " + sleepers.sleepIn(call.getValue(), true));
      }
      System.out.println("end");
    }

    private String sleepIn(Call call, boolean collects) throws Exception {
      Semaphore owned = Semaphore.find(segment, "owned");
      Semaphore plain = Semaphore.find(segment, "plain");
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      owned.acquire(me);
      plain.acquire(me);
      TestThread<Void> sleeper = TestThread.start("sleeper", () -> callAlone(call));
      Await.until(() -> hasSleeper() || !sleeper.thread().isAlive());
      if (collects) {
        collectGarbage();
      }
      segment.reapDead();
      if (segment.backends().size() == 1) {
        // Its native call uses memory that is freed: no more of this.
        System.out.println("ended under its call");
        Runtime.getRuntime().halt(1);
      }
      lock.release(me);
      owned.release(me);
      plain.release(me);
      sleeper.join();
      if (collects) {
        collectGarbage();
      }
      segment.reapDead();
      if (plain.availablePermits() == 0) {
        plain.release(me);
      }
      return segment.backends().size() == 1 ? "kept" : "not collected afterwards";
    }

    private Void callAlone(Call call) throws Exception {
      call.with(joinAndForget());
      return null;
    }

    /** Joins, and erases the thread-local variable that refers to the backend. */
    private Backend joinAndForget() throws ReflectiveOperationException {
      Backend backend = segment.join();
      Field backends = Segment.class.getDeclaredField("backends");
      backends.setAccessible(true);
      Field mine = Backends.class.getDeclaredField("own");
      mine.setAccessible(true);
      ((ThreadLocal<?>) mine.get(backends.get(segment))).remove();
      return backend;
    }

    private boolean hasSleeper() {
      return segment.backends().stream().anyMatch(b -> b.waitLock() != 0);
    }

    private static void collectGarbage() throws InterruptedException {
      for (int i = 0; i < 2; i++) {
        WeakReference<Object> canary = new WeakReference<>(new Object());
        Await.until(
            () -> {
              System.gc();
              return canary.refersTo(null);
            });
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-XX:-TieredCompilation", "-XX:TieredStopAtLevel=1"})
  void aBackendLivesUntilTheCallThatUsesItHasReturned(String compiler) throws Exception {
    List<String> options =
        List.of(
            compiler,
            "-Xcomp",
            "-XX:CompileCommand=quiet",
            "-XX:CompileCommand=compileonly,org.lwshm.*::*");
    try (ChildJvm jvm = ChildJvm.start(options, Sleepers.class)) {
      List<String> lines = jvm.readAll();
      assertEquals(
          List.of("end"),
          lines.stream().filter(l -> !l.endsWith(": kept")).toList(),
          lines::toString);
      assertEquals(0, jvm.waitFor());
    }
  }
}
