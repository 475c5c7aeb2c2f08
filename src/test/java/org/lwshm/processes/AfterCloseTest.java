// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.Backend;
import org.lwshm.ExitCallback;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.LWLockTranche;
import org.lwshm.Segment;
import org.lwshm.SegmentBusyException;
import org.lwshm.SharedStruct;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Lifeline;
import org.lwshm.testing.Member;

/** Handles that are used after the segment's close, and while it is closed: never a crash. */
class AfterCloseTest {

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();

  /** What a handle still tells; all else that it offers must throw. */
  private static final Map<Class<?>, Set<String>> ANSWERS =
      Map.of(
          Segment.class,
          Set.of(
              ("id key size generation isCreator isAdopter dataDir exitCallbacks isClosed postmaster close attach builder"
                      + " privateBuilder toString")
                  .split(" ")),
          SharedStruct.class,
          Set.of("name", "size", "offset", "isFound", "toString"),
          LWLockTranche.class,
          Set.of("segment", "name", "id", "size", "lock", "toString"),
          LWLock.class,
          Set.of("tranche", "index", "offset", "asReadWriteLock", "equals", "hashCode", "toString"),
          Backend.class,
          Set.of("segment", "slot", "generation", "close", "toString"));

  @Test
  void everyMethodOfEveryHandleThrowsOnceTheSegmentIsClosed() throws Exception {
    Segment segment = Member.builder(dataDir).create();
    SharedStruct words = segment.struct("words");
    LWLockTranche tranche = segment.tranche("locks");
    LWLock lock = tranche.lock(0);
    Backend me = segment.join();
    segment.close();
    Set<String> called = new TreeSet<>();
    for (Object handle : List.of(segment, words, tranche, lock, me)) {
      for (Method method : handle.getClass().getMethods()) {
        boolean answers = ANSWERS.get(handle.getClass()).contains(method.getName());
        if (method.getDeclaringClass() == Object.class
            || Modifier.isStatic(method.getModifiers())
            || answers) {
          continue;
        }
        method.setAccessible(true);
        Throwable thrown = call(method, handle, me);
        assertTrue(thrown instanceof IllegalStateException, method + ": " + thrown);
        assertTrue(thrown.getMessage().contains("closed"), method + ": " + thrown);
        called.add(handle.getClass().getSimpleName() + "." + method.getName());
      }
    }
    assertTrue(called.size() > 40, called::toString);
  }

  private static Throwable call(Method method, Object handle, Backend me) throws Exception {
    Object[] arguments = new Object[method.getParameterCount()];
    for (int i = 0; i < arguments.length; i++) {
      arguments[i] = argument(method.getParameterTypes()[i], me);
    }
    try {
      method.invoke(handle, arguments);
      return null;
    } catch (InvocationTargetException e) {
      return e.getCause();
    }
  }

  private static Object argument(Class<?> type, Backend me) {
    Map<Class<?>, Object> arguments =
        Map.of(
            long.class,
            8L,
            int.class,
            8,
            byte.class,
            (byte) 1,
            float.class,
            1f,
            double.class,
            1d,
            byte[].class,
            new byte[32],
            String.class,
            "words",
            LWLockMode.class,
            LWLockMode.SHARED,
            Duration.class,
            Duration.ofHours(1),
            Backend.class,
            me);
    return arguments.get(type);
  }

  /** Uses segments in every way while they are closed, again and again. */
  static final class Racer {

    private static final long PATTERN = 0x5555_5555_5555_5555L;
    private static final int SIZE = 1 << 16;

    private final Segment segment =
        Segment.privateBuilder().struct("words", SIZE).tranche("locks", 4).spare(8192).create();
    private final SharedStruct words = segment.struct("words");
    private final LWLock lock = segment.tranche("locks").lock(0);
    private final List<Thread> threads = new ArrayList<>();
    private final List<AtomicLong> turns = new ArrayList<>();

    private Racer() {}

    public static void main(String[] args) throws Exception {
      Lifeline.hold();
      Thread.setDefaultUncaughtExceptionHandler(
          (thread, e) -> {
            e.printStackTrace();
            Runtime.getRuntime().halt(99);
          });
      int rounds = Integer.parseInt(args[0]);
      for (int i = 0; i < rounds; i++) {
        new Racer().round();
      }
      System.out.println("ok " + rounds);
    }

    private void round() throws Exception {
      words.fill(0, SIZE, (byte) PATTERN);
      start(this::read);
      ByteBuffer kept = words.byteBuffer(0, SIZE);
      start(() -> readKept(kept));
      start(() -> words.getAndAddLong(SIZE - 64, 1));
      start(this::look);
      start(this::lock);
      for (AtomicLong turn : turns) {
        while (turn.get() < 20) {
          Thread.sleep(1);
        }
      }
      close();
      for (Thread thread : threads) {
        thread.join();
      }
    }

    private void close() {
      for (; ; ) {
        try {
          segment.close();
          return;
        } catch (SegmentBusyException e) {
          // The locking thread is joined at the moment.
        }
      }
    }

    private void start(ExitCallback work) {
      AtomicLong turn = new AtomicLong();
      Thread thread = new Thread(() -> repeat(work, turn));
      turns.add(turn);
      threads.add(thread);
      thread.start();
    }

    private void repeat(ExitCallback work, AtomicLong turn) {
      try {
        for (; ; ) {
          work.run();
          // Who reads zeros has come past a check that the compiler hoisted.
          if (turn.incrementAndGet() % 64 == 0 && segment.isClosed()) {
            return;
          }
        }
      } catch (IllegalStateException e) {
        // As it should be: "closed", "being closed", "detached".
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }

    private void read() {
      for (int i = 0; i < SIZE - 64; i += 8) {
        require(words.getLong(i));
      }
    }

    private static void readKept(ByteBuffer kept) {
      for (int i = 0; i < SIZE - 64; i += 8) {
        require(kept.getLong(i));
      }
    }

    private static void require(long value) {
      if (value != PATTERN && value != 0) {
        throw new AssertionError("read 0x" + Long.toHexString(value));
      }
    }

    private void look() {
      segment.backends();
      segment.processes();
      segment.shmemIndex();
      segment.struct("words");
      segment.tranche("locks", 4);
      segment.initStruct("new", 64);
      lock.hasWaiters();
    }

    private void lock() {
      try (Backend me = segment.join()) {
        lock.acquire(me, LWLockMode.EXCLUSIVE);
        lock.release(me);
        lock.acquire(me, LWLockMode.SHARED);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation"})
  void handlesMayBeInUseWhileTheSegmentIsClosed(String compiler) throws Exception {
    List<String> options = List.of(compiler, "-XX:+UseSerialGC", "-Xshare:auto");
    Child racer = children.jvm(options, Racer.class, "8");
    assertEquals(List.of("ok 8"), racer.rest(), racer::toString);
    assertEquals("", racer.complaints());
    assertEquals(0, racer.waitFor());
  }

  /** Exits while threads use the segment in every way. */
  static final class Exiter {

    private Exiter() {}

    public static void main(String[] args) throws Exception {
      Lifeline.hold();
      Racer racer = new Racer();
      Thread.setDefaultUncaughtExceptionHandler((thread, e) -> e.printStackTrace());
      racer.words.fill(0, Racer.SIZE, (byte) Racer.PATTERN);
      ByteBuffer kept = racer.words.byteBuffer(0, Racer.SIZE);
      for (int i = 0; i < 2; i++) {
        racer.start(racer::read);
        racer.start(() -> Racer.readKept(kept));
        racer.start(racer::look);
        racer.start(racer::lock);
      }
      for (AtomicLong turn : racer.turns) {
        while (turn.get() < 200) {
          Thread.sleep(1);
        }
      }
      System.exit(7);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation"})
  void handlesMayBeInUseWhileTheProcessExits(String compiler) throws Exception {
    List<String> options = List.of(compiler, "-XX:+UseSerialGC", "-Xshare:auto");
    for (int i = 0; i < 2; i++) {
      Child exiter = children.jvm(options, Exiter.class);
      assertEquals(7, exiter.waitFor(), exiter.errors());
      assertEquals("", exiter.complaints());
    }
  }
}
