// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.Backend;
import org.lwshm.ExitCallback;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;
import org.lwshm.SegmentNotFoundException;
import org.lwshm.SharedStruct;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Lifeline;
import org.lwshm.testing.Member;
import org.lwshm.testing.SysvSegment;

/** A creator and an attacher leave, in every way there is, and other processes look on. */
class ExitTest {

  @TempDir Path dataDir;
  @TempDir Path notes;
  @AutoClose final Children children = new Children();

  /** Writes down what its callbacks find, and ends as it is told. */
  static final class Leaver {
    private final Segment segment;
    private final Path notes;
    private final String how;

    private Leaver(Segment segment, Path notes, String how) {
      this.segment = segment;
      this.notes = notes;
      this.how = how;
    }

    public static void main(String[] args) throws Exception {
      Lifeline.hold();
      Path dataDir = Path.of(args[0]);
      Segment segment =
          args[1].equals("creator") ? Member.builder(dataDir).create() : Segment.attach(dataDir);
      Leaver leaver = new Leaver(segment, Path.of(args[2]), args[3]);
      leaver.register();
      segment.join();
      System.out.println("ready");
      leaver.leave();
    }

    private void register() {
      for (int i = 1; i <= 3; i++) {
        String number = " " + i;
        segment.exitCallbacks().beforeShmemExit(callback("before_shmem_exit" + number));
        segment.exitCallbacks().onShmemExit(callback("on_shmem_exit" + number));
        segment.exitCallbacks().onProcExit(callback("on_proc_exit" + number));
      }
    }

    private ExitCallback callback(String name) {
      return () -> {
        note(name + ": " + facts());
        if (how.equals("exit in " + name)) {
          System.exit(5);
        }
        if (name.equals("on_shmem_exit 2")) {
          throw new AssertionError("thrown in " + name);
        } else if (name.endsWith("2")) {
          throw new IOException("thrown in " + name);
        }
      };
    }

    private String facts() {
      Optional<SysvSegment> kernels = SysvSegment.of(segment.id());
      String there = kernels.map(s -> s.attached() + " attached").orElse("removed");
      if (segment.isClosed()) {
        return "closed, " + there;
      }
      // A thread that runs on while the hook does keeps its seat until it is fenced off.
      boolean joined = how.equals("close") && !segment.backends().isEmpty();
      return "open, " + there + (joined ? ", joined" : "");
    }

    private void note(String line) throws IOException {
      Files.writeString(notes, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private void leave() throws InterruptedException {
      if (how.equals("exit")) {
        System.exit(3);
      } else if (how.equals("close")) {
        segment.close();
        segment.close();
      } else if (how.startsWith("exit in")) {
        segment.close();
      } else if (!how.equals("return")) {
        Thread.sleep(Long.MAX_VALUE);
      }
    }
  }

  private static List<String> allInOrder(String role, String how) {
    boolean creates = role.equals("creator");
    String attached = ": open, " + (creates ? 1 : 2) + " attached";
    String joined = how.equals("close") ? ", joined" : "";
    List<String> lines = new ArrayList<>();
    for (int i = 3; i >= 1; i--) {
      lines.add("before_shmem_exit " + i + attached + joined);
    }
    for (int i = 3; i >= 1; i--) {
      lines.add("on_shmem_exit " + i + attached);
    }
    for (int i = 3; i >= 1; i--) {
      lines.add("on_proc_exit " + i + ": closed, " + (creates ? "removed" : "1 attached"));
    }
    return lines;
  }

  static Stream<Arguments> ways() {
    return Stream.of("creator", "attacher")
        .flatMap(
            role ->
                Stream.of(
                    Arguments.of(role, "close", 0),
                    Arguments.of(role, "return", 0),
                    Arguments.of(role, "exit", 3),
                    Arguments.of(role, "TERM", 143),
                    Arguments.of(role, "INT", 130),
                    Arguments.of(role, "exit in before_shmem_exit 3", 5),
                    Arguments.of(role, "exit in on_shmem_exit 1", 5),
                    Arguments.of(role, "exit in on_proc_exit 2", 5)));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("ways")
  void callbacksRunOnceInOrderWhateverOneOfThemThrows(String role, String how, int status)
      throws Exception {
    boolean creates = role.equals("creator");
    try (Segment ours = creates ? null : Member.builder(dataDir).create()) {
      Path file = notes.resolve("callbacks");
      Child leaver =
          children.start(
              role,
              Children.concat(
                  // A shell that started us in the background may have SIGINT ignored.
                  List.of("env", "--default-signal=INT"),
                  children.jvmCommand(
                      Leaver.class, dataDir.toString(), role, file.toString(), how)));
      assertEquals("ready", leaver.reply());
      if (status > 128) {
        leaver.signal(how);
      }
      assertEquals(status, leaver.waitFor(), leaver::toString);
      assertEquals(allInOrder(role, how), Files.readAllLines(file));
      for (String list : List.of("before_shmem_exit", "on_shmem_exit", "on_proc_exit")) {
        String name = list + " 2";
        if (!how.endsWith(name)) {
          assertTrue(leaver.errors().contains("thrown in " + name), leaver.errors());
        }
      }
      if (creates) {
        assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
      } else {
        assertEquals(List.of(), ours.backends());
        assertEquals(1, ours.processes().length);
        assertEquals(1, SysvSegment.of(ours.id()).orElseThrow().attached());
      }
    }
  }

  /** Threads that hold locks for ever, and wait for others for ever. */
  static final class Holder {

    private Holder() {}

    public static void main(String[] args) throws Exception {
      Lifeline.hold();
      Path dataDir = Path.of(args[0]);
      Segment segment =
          args[1].equals("creator") ? Member.builder(dataDir).create() : Segment.attach(dataDir);
      start(segment, 0, LWLockMode.EXCLUSIVE);
      start(segment, 1, LWLockMode.SHARED);
      start(segment, 2, LWLockMode.EXCLUSIVE);
      start(segment, 3, LWLockMode.SHARED);
      // Owns its lock's word, and waits for the readers to leave.
      start(segment, 4, LWLockMode.EXCLUSIVE);
    }

    private static void start(Segment segment, int lock, LWLockMode mode) {
      Thread thread =
          new Thread(
              () -> {
                Backend me = segment.join();
                while (segment.struct("words").getLong(0) == 0) {
                  Thread.yield();
                }
                segment.tranche("locks").lock(lock).acquire(me, mode);
                segment.struct("words").putLongVolatile(8 + 8 * lock, 1);
                sleep();
              });
      thread.start();
    }

    private static void sleep() {
      try {
        Thread.sleep(Long.MAX_VALUE);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"creator, TERM, 143", "attacher, INT, 130"})
  void locksThatThreadsHoldOrWaitForAreFreeForOthersAfterwards(
      String role, String signal, int status) throws Exception {
    boolean creates = role.equals("creator");
    try (Segment made = creates ? null : Member.builder(dataDir).create()) {
      Child holder =
          children.start(
              role,
              Children.concat(
                  List.of("env", "--default-signal=INT"),
                  children.jvmCommand(Holder.class, dataDir.toString(), role)));
      try (Segment ours = creates ? attachWhenThere(holder) : Segment.attach(dataDir);
          Backend me = ours.join()) {
        assertEquals(!creates, made != null && made.id() == ours.id());
        children.awaitUntil(() -> ours.backends().size() == 6);
        LWLock[] locks = new LWLock[5];
        for (int i = 0; i < locks.length; i++) {
          locks[i] = ours.tranche("locks").lock(i);
        }
        locks[2].acquire(me, LWLockMode.EXCLUSIVE);
        locks[3].acquire(me, LWLockMode.EXCLUSIVE);
        locks[4].acquire(me, LWLockMode.SHARED);
        ours.struct("words").putLong(0, 1);
        // A waiter's record may look like a hold for a moment: those who hold say so themselves.
        children.awaitUntil(() -> ours.struct("words").getLongVolatile(8) == 1);
        children.awaitUntil(() -> ours.struct("words").getLongVolatile(16) == 1);
        children.awaitUntil(() -> of(holder, ours, b -> b.waitLock() != 0) == 3);
        assertFalse(locks[0].tryAcquire(me, LWLockMode.SHARED));
        assertFalse(locks[1].tryAcquire(me, LWLockMode.EXCLUSIVE));
        holder.signal(signal);
        assertEquals(status, holder.waitFor());

        assertEquals(List.of(me.slot()), ours.backends().stream().map(b -> b.slot()).toList());
        me.releaseAll();
        // Who held it exclusively was stopped in the middle; who wanted to never was inside.
        assertTrue(locks[0].acquireForRepair(me));
        locks[0].markConsistent(me);
        locks[0].release(me);
        for (LWLock lock : locks) {
          for (LWLockMode mode : LWLockMode.values()) {
            assertTrue(lock.tryAcquire(me, mode), lock + " " + mode);
            lock.release(me);
          }
          assertFalse(lock.hasWaiters(), lock::toString);
        }
        SysvSegment kernels = SysvSegment.of(ours.id()).orElseThrow();
        assertEquals(creates ? 1 : 2, kernels.attached());
        assertEquals(0600, kernels.mode(), "not marked for removal: we are in it");
        Segment.attach(dataDir).close();
      }
    }
  }

  private interface Fact {
    boolean holds(org.lwshm.BackendInfo backend);
  }

  private static long of(Child child, Segment segment, Fact fact) {
    return segment.backends().stream().filter(b -> b.pid() == child.pid() && fact.holds(b)).count();
  }

  private Segment attachWhenThere(Child creator) throws InterruptedException {
    Segment[] attached = new Segment[1];
    children.awaitUntil(
        () -> {
          try {
            attached[0] = Segment.attach(dataDir);
            return true;
          } catch (SegmentNotFoundException | org.lwshm.SegmentNotReadyException e) {
            return false;
          }
        });
    return attached[0];
  }

  /** Threads that never stop taking locks and changing what they guard. */
  static final class Busy {

    private Busy() {}

    public static void main(String[] args) {
      Lifeline.hold();
      Segment segment = Segment.attach(Path.of(args[0]));
      for (int i = 1; i <= 3; i++) {
        int seed = i;
        new Thread(() -> work(segment, seed)).start();
      }
    }

    private static void work(Segment segment, int seed) {
      SharedStruct words = segment.struct("words");
      Member.Contention contention =
          new Member.Contention(words, segment.tranche("locks"), segment.join(), seed);
      for (; ; ) {
        contention.turn(4, 2);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aJvmToldToEndInTheMiddleOfItsWorkLeavesWholeDataAndFreeLocks(int seed) throws Exception {
    try (Segment segment = Member.builder(dataDir).create();
        Backend me = segment.join()) {
      Child busy = children.jvm(Busy.class, dataDir.toString());
      SharedStruct words = segment.struct("words");
      Member.Contention ours =
          new Member.Contention(words, segment.tranche("locks"), me, 1000 + seed);
      children.awaitUntil(
          () -> {
            ours.turn(4, 2);
            return words.getLong(0) > 10_000L * seed;
          });
      busy.signal("TERM");
      while (busy.isAlive()) {
        ours.turn(4, 2);
      }
      assertEquals(143, busy.waitFor());
      assertEquals(0, ours.unequal());
      for (int i = 0; i < 4; i++) {
        long row = (long) i * Member.ROW;
        assertEquals(words.getLong(row), words.getLong(row + 64), "counters of lock " + i);
        assertTrue(segment.tranche("locks").lock(i).tryAcquire(me, LWLockMode.EXCLUSIVE));
      }
      me.releaseAll();
      assertEquals(1, segment.backends().size());
    }
  }
}
