// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library in two class loaders of one JVM: each copy is a member of its own. */
class TwoCopiesTest {

  private static final int STRUCTS = 1000;
  private static final int SIZE = 64;

  @TempDir Path dataDir;
  @AutoClose final URLClassLoader other = newCopy();

  private static URLClassLoader newCopy() {
    URL[] urls =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(TwoCopiesTest::toUrl)
            .toArray(URL[]::new);
    return new URLClassLoader(urls, ClassLoader.getPlatformClassLoader());
  }

  private static URL toUrl(String entry) {
    try {
      return Path.of(entry).toUri().toURL();
    } catch (MalformedURLException e) {
      throw new AssertionError(e);
    }
  }

  /** The same class in the other copy. */
  private Object inOther(Class<?> ours) throws ReflectiveOperationException {
    Class<?> theirs = Class.forName(ours.getName(), true, other);
    assertNotSame(ours, theirs);
    return theirs.getConstructor().newInstance();
  }

  // ---- allocating ----

  /** Makes structs of its own, and of names that both copies ask for; returns their offsets. */
  public static final class Maker implements BiFunction<Path, String, long[]> {

    /** Begins nothing. */
    public Maker() {}

    @Override
    public long[] apply(Path dataDir, String name) {
      long[] offsets = new long[2 * STRUCTS];
      try (Segment segment = Segment.attach(dataDir)) {
        for (int i = 0; i < STRUCTS; i++) {
          offsets[i] = segment.initStruct(name + i, SIZE).offset();
          offsets[STRUCTS + i] = segment.initStruct("common" + i, SIZE).offset();
        }
      }
      return offsets;
    }
  }

  @Test
  @SuppressWarnings("unchecked")
  void twoCopiesThatAllocateAtOnceHandOutEachAreaOnce() throws Exception {
    BiFunction<Path, String, long[]> theirs =
        (BiFunction<Path, String, long[]>) inOther(Maker.class);
    try (Segment segment =
        Segment.builder(dataDir).maxStructs(3 * STRUCTS).spare(3L * STRUCTS * SIZE).create()) {
      CompletableFuture<long[]> second =
          CompletableFuture.supplyAsync(() -> theirs.apply(dataDir, "second"));
      long[] a = new Maker().apply(dataDir, "first");
      long[] b = second.get();
      assertArrayEquals(
          Arrays.copyOfRange(a, STRUCTS, 2 * STRUCTS), Arrays.copyOfRange(b, STRUCTS, 2 * STRUCTS));
      long[] all =
          LongStream.concat(Arrays.stream(a), Arrays.stream(b)).distinct().sorted().toArray();
      assertEquals(3 * STRUCTS, all.length);
      for (int i = 1; i < all.length; i++) {
        assertFalse(all[i] - all[i - 1] < SIZE);
      }
      assertEquals(1, segment.processes().length);
    }
  }

  // ---- who is dead ----

  /** Holds the lock exclusively, until it is closed. */
  public static final class Holder implements Function<Path, AutoCloseable> {

    /** Begins nothing. */
    public Holder() {}

    @Override
    public AutoCloseable apply(Path dataDir) {
      Segment segment = Segment.attach(dataDir);
      Backend me = segment.join();
      LWLock lock = segment.tranche("test").lock(0);
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      return () -> {
        lock.release(me);
        me.close();
        segment.close();
      };
    }
  }

  @Test
  @SuppressWarnings("unchecked")
  void aCopyThatHoldsALockIsAliveToTheOther() throws Exception {
    Function<Path, AutoCloseable> holder = (Function<Path, AutoCloseable>) inOther(Holder.class);
    try (Segment segment = Segment.builder(dataDir).tranche("test", 1).create();
        Backend me = segment.join()) {
      LWLock lock = segment.tranche("test").lock(0);
      try (AutoCloseable held = holder.apply(dataDir)) {
        assertEquals(2, segment.processes().length);
        assertEquals(0, segment.reapDead());
        assertFalse(lock.tryAcquire(me, LWLockMode.SHARED, Duration.ofMillis(50)));
        assertEquals(0, segment.reapDead());
      }
      assertEquals(1, segment.processes().length);
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      lock.release(me);
    }
  }
}
