// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.lwshm.jni.Layout;
import org.lwshm.jni.RawMemory;

/**
 * A lock whose holder has no stack left: at every depth of the stack, and so between any two calls
 * of an acquire or release, in JVMs of their own.
 */
class LWLockStackOverflowTest {

  /** Acquires and releases at every depth near the stack's end, and says what is wrong then. */
  static final class Deep {

    private static final int ABOVE_THE_END = 200;
    private static final int STEP = 50;

    private final List<String> faults = new ArrayList<>();
    private final Segment segment;
    private final LWLock lock;
    private final long word;
    private final long readers;
    private Backend me;
    private int returned;
    private int overflows;

    private Deep(Segment segment) {
      this.segment = segment;
      lock = segment.tranche("rows").lock(1);
      word = segment.attachment().base() + lock.offset() + Layout.LWLOCK_WORD;
      readers = segment.attachment().base() + lock.offset() + Layout.LWLOCK_READERS;
    }

    public static void main(String[] args) throws Exception {
      try (Segment segment = Segment.privateBuilder().tranche("rows", 4).create()) {
        Deep deep = new Deep(segment);
        Thread thread = new Thread(null, deep::run, "deep", 512 * 1024);
        thread.start();
        thread.join();
        deep.faults.stream().distinct().forEach(System.out::println);
        System.out.println(deep.overflows > 0 ? "done" : "no stack has overflowed");
      }
    }

    private void run() {
      try (Backend backend = segment.join()) {
        me = backend;
        for (int i = 0; i < Integer.getInteger("warm.up"); i++) {
          for (LWLockMode mode : LWLockMode.values()) {
            at(1, () -> lock.acquire(me, mode));
            at(1, () -> lock.release(me));
          }
        }
        int end = 0;
        while (!overflows(end, () -> {})) {
          end += STEP;
        }
        for (LWLockMode mode : LWLockMode.values()) {
          for (int depth = Math.max(0, end - ABOVE_THE_END); depth <= end; depth++) {
            acquireAt(depth, mode);
            releaseAt(depth, mode);
          }
        }
      }
    }

    private void acquireAt(int depth, LWLockMode mode) {
      RawMemory.putLongVolatile(readers, 0); // so that a reader has to set its bit
      boolean thrown = overflows(depth, () -> lock.acquire(me, mode));
      check(lock.isHeldBy(me, mode) == !thrown, "held though its acquire has thrown", mode);
      me.releaseAll();
      checkFree("after an acquire", mode);
    }

    /** As with waiters that have to be woken. */
    private void releaseAt(int depth, LWLockMode mode) {
      long waiters = mode == LWLockMode.EXCLUSIVE ? Layout.LOCK_XWAIT : Layout.LOCK_DPARK;
      lock.acquire(me, mode);
      RawMemory.putLongVolatile(word, RawMemory.getLongVolatile(word) | waiters);
      if (overflows(depth, () -> lock.release(me))) {
        // As from a finally further up.
        if (lock.isHeldBy(me)) {
          lock.release(me);
        }
        me.releaseAll();
      }
      check(!lock.isHeldBy(me), "held after its release", mode);
      long seen = RawMemory.getLongVolatile(word) & ~waiters;
      RawMemory.putLongVolatile(word, seen);
      checkFree("after a release", mode);
    }

    private void checkFree(String when, LWLockMode mode) {
      long seen = RawMemory.getLongVolatile(word);
      check(seen == 0, "word " + Long.toHexString(seen) + " " + when, mode);
      RawMemory.putLongVolatile(word, 0);
    }

    private void check(boolean good, String fault, LWLockMode mode) {
      if (!good) {
        faults.add(mode + ": " + fault);
      }
    }

    private boolean overflows(int depth, Runnable call) {
      try {
        at(depth, call);
        return false;
      } catch (StackOverflowError e) {
        overflows++;
        return true;
      }
    }

    /** Calls from further down. */
    private void at(int depth, Runnable call) {
      if (depth == 0) {
        call.run();
      } else {
        at(depth - 1, call);
        returned++; // no tail call
      }
    }
  }

  private static void checkDeep(int warmUp, String... options) throws Exception {
    List<String> all = new ArrayList<>(List.of(options));
    all.add("-Dwarm.up=" + warmUp);
    try (ChildJvm child = ChildJvm.start(all, Deep.class)) {
      assertEquals(List.of("done"), child.readAll());
      assertEquals(0, child.waitFor());
    }
  }

  @Test
  void anInterpretedThreadWithoutStackLeavesNoLockBroken() throws Exception {
    checkDeep(1, "-Xint");
  }

  @Test
  void aCompiledThreadWithoutStackLeavesNoLockBroken() throws Exception {
    checkDeep(20_000);
  }

  @Test
  void aThreadInOptimizedCodeWithoutStackLeavesNoLockBroken() throws Exception {
    checkDeep(200_000, "-XX:TieredStopAtLevel=4");
  }
}
