// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.NotFoundException;
import org.lwshm.Segment;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Lifeline;
import org.lwshm.testing.Member;
import org.lwshm.testing.SysvSegment;

/** The stack ends at every depth inside of every call: nothing leaks, and nothing hangs. */
class StackOverflowTest {

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();

  /** Calls at the end of the stack, and what must hold afterwards. */
  static final class Overflower {

    private static final long STACK_BYTES = 256 << 10;

    /** So many times in a row a call must have fitted before the stack counts as large enough. */
    private static final int FITS = 40;

    private final Path dataDir;
    private int rounds = Integer.getInteger("rounds");
    private int overflows;

    private Overflower(Path dataDir) {
      this.dataDir = dataDir;
    }

    public static void main(String[] args) throws Exception {
      Lifeline.hold();
      Overflower overflower = new Overflower(Path.of(args[0]));
      overflower.run(args[1]);
      System.exit(7);
    }

    /** Runs a test in a thread with a small stack; says how often that overflowed. */
    private void run(String what) throws Exception {
      Throwable[] thrown = new Throwable[1];
      Thread thread =
          new Thread(
              null,
              () -> {
                try {
                  run(Op.valueOf(what));
                } catch (Throwable e) {
                  thrown[0] = e;
                }
              },
              what,
              STACK_BYTES);
      thread.start();
      thread.join();
      if (thrown[0] != null) {
        throw new AssertionError(what, thrown[0]);
      }
      System.out.println(what + " " + (overflows > 0));
    }

    private enum Op {
      LOOK,
      JOIN,
      LEAVE,
      CLOSE,
      CREATE,
      ATTACH
    }

    private void run(Op op) throws Exception {
      if (op == Op.CREATE) {
        create();
        return;
      }
      try (Segment segment = Member.builder(dataDir).create()) {
        switch (op) {
          case LOOK -> look(segment);
          case JOIN -> join(segment);
          case LEAVE -> leave(segment);
          case CLOSE -> close(segment);
          default -> attach(segment);
        }
      }
    }

    // ---- what is called ----

    private void look(Segment segment) throws Exception {
      for (Runnable call :
          List.<Runnable>of(
              () -> segment.struct("words").byteBuffer(0, 8),
              () -> segment.initStruct("words", Member.WORDS),
              () -> segment.tranche("locks").statistics(),
              segment::backends,
              segment::processes,
              segment::shmemIndex,
              segment::poisonedLocks,
              segment::reapDead,
              () -> lookInVain(segment))) {
        atEveryDepth(() -> {}, call, () -> {});
      }
    }

    private static void lookInVain(Segment segment) {
      try {
        segment.struct("none");
        throw new AssertionError("found");
      } catch (NotFoundException e) {
        // As it should be.
      }
    }

    private void join(Segment segment) throws Exception {
      atEveryDepth(() -> {}, segment::join, () -> leaveAndJoinAgain(segment));
    }

    private void leave(Segment segment) throws Exception {
      LWLock lock = segment.tranche("locks").lock(0);
      for (boolean holds : new boolean[] {false, true}) {
        Backend[] me = new Backend[1];
        atEveryDepth(
            () -> {
              me[0] = segment.join();
              if (holds) {
                lock.acquire(me[0], LWLockMode.SHARED);
              }
            },
            () -> me[0].close(),
            () -> leaveAndJoinAgain(segment));
      }
    }

    /** The calling thread may have a backend: then it can use that. */
    private static void leaveAndJoinAgain(Segment segment) {
      LWLock lock = segment.tranche("locks").lock(1);
      try (Backend mine = segment.backend()) {
        lock.acquire(mine, LWLockMode.EXCLUSIVE);
        lock.release(mine);
      } catch (IllegalStateException e) {
        // It has none.
      }
      try (Backend again = segment.join()) {
        lock.acquire(again, LWLockMode.EXCLUSIVE);
        lock.release(again);
      }
      while (!segment.backends().isEmpty()) {
        Thread.yield(); // one that has been joined half-way is ended soon
      }
    }

    private void close(Segment outer) throws Exception {
      Segment[] segment = new Segment[1];
      atEveryDepth(
          () -> segment[0] = Segment.attach(dataDir),
          () -> segment[0].close(),
          () -> {
            segment[0].close();
            require(segment[0].isClosed());
            require(outer.processes().length == 1);
          });
    }

    private void create() throws Exception {
      rounds = Math.min(rounds, 200);
      Segment[] segment = new Segment[1];
      atEveryDepth(
          () -> segment[0] = null,
          () -> segment[0] = Member.builder(dataDir).create(),
          () -> {
            if (segment[0] != null) {
              segment[0].close();
            }
            Member.builder(dataDir).create().close();
            long me = ProcessHandle.current().pid();
            require(SysvSegment.all().stream().noneMatch(s -> s.creatorPid() == me));
          });
    }

    private void attach(Segment outer) throws Exception {
      Segment[] segment = new Segment[1];
      atEveryDepth(
          () -> segment[0] = null,
          () -> segment[0] = Segment.attach(dataDir),
          () -> {
            if (segment[0] != null) {
              segment[0].close();
            }
            Segment.attach(dataDir).close();
            require(outer.processes().length == 1);
          });
    }

    private static void require(boolean fact) {
      if (!fact) {
        throw new AssertionError();
      }
    }

    // ---- at every depth ----

    private void atEveryDepth(Runnable before, Runnable call, Runnable after) throws Exception {
      for (int i = 0; i < rounds; i++) { // the JIT's share
        before.run();
        call.run();
        after.run();
      }
      for (int nudges = 0; nudges < 4; nudges++) {
        int fitting = 0;
        for (int depth = deepest() + 5; fitting < FITS && depth > 0; depth--) {
          before.run();
          boolean fits = fits(nudges, depth, call);
          fitting = fits ? fitting + 1 : 0;
          overflows += fits ? 0 : 1;
          after.run();
        }
      }
    }

    private static boolean fits(int nudges, int depth, Runnable call) {
      try {
        nudge(nudges, depth, call);
        return true;
      } catch (StackOverflowError e) {
        return false;
      }
    }

    private static int deepest() {
      int depth = 1;
      while (fits(0, depth, () -> {})) {
        depth += 10;
      }
      return depth;
    }

    /** Shifts what follows by some bytes, which are others than {@link #dive}'s. */
    private static long nudge(int times, int depth, Runnable call) {
      if (times == 0) {
        return dive(depth, call);
      }
      long a = times;
      long b = depth;
      return a * nudge(times - 1, depth, call) + b;
    }

    private static int dive(int levels, Runnable call) {
      if (levels == 0) {
        call.run();
        return 0;
      }
      return 1 + dive(levels - 1, call);
    }
  }

  static Stream<Arguments> callsAndCompilers() {
    return Stream.of(
            "-Xint -Drounds=1",
            "-XX:TieredStopAtLevel=1 -Drounds=300",
            "-XX:-TieredCompilation -Drounds=3000",
            "-XX:+TieredCompilation -Drounds=1000")
        .flatMap(
            options ->
                Stream.of(Overflower.Op.values()).map(op -> Arguments.of(op.name(), options)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("callsAndCompilers")
  @Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void aCallAtTheEndOfTheStackLeavesEverythingUsable(String op, String options) throws Exception {
    List<String> jvm =
        Children.concat(
            List.of(options.split(" ")), List.of("-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m"));
    Child child = children.jvm(jvm, Overflower.class, dataDir.toString(), op);
    assertEquals(List.of(op + " true"), child.rest(), child.errors());
    assertEquals(7, child.waitFor());
  }
}
