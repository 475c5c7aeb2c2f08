// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.jni.BackendNative;

class SegmentTest {

  @TempDir Path dataDir;

  private static final int PID = (int) ProcessHandle.current().pid();

  @Test
  void tellsWhatItIs() {
    try (Segment segment = Segment.builder(dataDir).create()) {
      assertTrue(segment.isCreator());
      assertNotEquals(0, segment.key());
      assertEquals(1, segment.generation());
      assertEquals(dataDir, segment.dataDir());
      assertArrayEquals(new int[] {PID}, segment.processes());
      assertTrue(segment.toString().contains(dataDir.toString()), segment.toString());
    }
  }

  @Test
  void aSecondAttachmentSeesTheSameMemory() {
    try (Segment creator = Segment.builder(dataDir).struct("a", 64).create();
        Segment other = Segment.attach(dataDir)) {
      assertFalse(other.isCreator());
      assertEquals(creator.id(), other.id());
      creator.struct("a").putLong(8, 42);
      assertEquals(42, other.struct("a").getLong(8));
      assertEquals(creator.struct("a").offset(), other.struct("a").offset());
    }
  }

  @Test
  void aPrivateSegmentIsFoundByItsId() {
    try (Segment creator = Segment.privateBuilder().struct("a", 8).create();
        Segment other = Segment.attach(creator.id())) {
      assertEquals(0, creator.key());
      assertNull(other.dataDir());
      other.struct("a").putInt(0, 7);
      assertEquals(7, creator.struct("a").getInt(0));
    }
  }

  @Test
  void aStructOfAnotherSizeIsRefusedWithBothSizes() {
    try (Segment segment = Segment.privateBuilder().struct("a", 8).create()) {
      SizeMismatchException e =
          assertThrows(SizeMismatchException.class, () -> segment.initStruct("a", 9));
      assertEquals(9, e.asked());
      assertEquals(8, e.found());
      assertTrue(e.getMessage().contains("\"a\""), e.getMessage());
      segment.tranche("t", 2);
      assertThrows(SizeMismatchException.class, () -> segment.tranche("t", 3));
      assertEquals(2, segment.tranche("t", 2).size());
    }
  }

  @Test
  void whatIsNotThereIsToldByName() {
    try (Segment segment = Segment.privateBuilder().create()) {
      NotFoundException e = assertThrows(NotFoundException.class, () -> segment.struct("no such"));
      assertTrue(e.getMessage().contains("no such"), e.getMessage());
      assertThrows(NotFoundException.class, () -> segment.tranche("no such"));
      assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
    }
  }

  @Test
  void roomThatIsNotThereIsRefusedWithWhatIsLeft() {
    try (Segment segment = Segment.privateBuilder().spare(64).create()) {
      long size = segment.size();
      LimitExceededException e =
          assertThrows(LimitExceededException.class, () -> segment.initStruct("big", size));
      assertEquals(size, e.asked());
      assertTrue(e.left() < size, e.getMessage());
      segment.initStruct("small", 64);
      assertThrows(IllegalArgumentException.class, () -> segment.initStruct("x", -1));
      assertThrows(IllegalArgumentException.class, () -> segment.initStruct("", 1));
      assertThrows(IllegalArgumentException.class, () -> segment.tranche("x", 0));
    }
  }

  @Test
  void theAccountAddsUpAndFindsAreas() {
    try (Segment segment =
        Segment.privateBuilder().struct("one", 100).struct("two", 64).spare(1000).create()) {
      ShmemIndex index = segment.shmemIndex();
      assertEquals(segment.size(), index.total());
      Allocation one = index.find("one").orElseThrow();
      assertEquals(Allocation.Kind.STRUCT, one.kind());
      assertEquals(100, one.size());
      assertEquals(128, one.allocatedSize());
      assertEquals(segment.struct("one").offset(), one.offset());
      assertTrue(index.find("three").isEmpty());
      segment.initStruct("three", 1);
      assertEquals(64, segment.shmemIndex().find("three").orElseThrow().allocatedSize());
      assertEquals(segment.size(), segment.shmemIndex().total());
      List<String> names = new ArrayList<>();
      index.forEach(a -> names.add(a.name()));
      assertTrue(names.containsAll(List.of("header", "lwlocks", "one", "two")), names.toString());
      assertTrue(index.toString().contains("total"), index.toString());
    }
  }

  @Test
  void anAccountOfManyAreasIsReadWhole() {
    SegmentBuilder builder = Segment.privateBuilder();
    for (int i = 0; i < 300; i++) {
      builder.struct("area " + i, 10);
    }
    try (Segment segment = builder.create()) {
      ShmemIndex index = segment.shmemIndex();
      assertEquals(segment.size(), index.total());
      assertTrue(index.find("area 299").isPresent());
    }
  }

  @Test
  void aDataDirectoryOfNoUseIsToldWithItsPath() throws Exception {
    Path missing = dataDir.resolve("missing");
    Path file = Files.createFile(dataDir.resolve("file"));
    for (Path path : List.of(missing, file)) {
      DataDirectoryException e =
          assertThrows(DataDirectoryException.class, () -> Segment.builder(path).create());
      assertTrue(e.getMessage().contains(path.toString()), e.getMessage());
      assertThrows(DataDirectoryException.class, () -> Segment.attach(path));
    }
  }

  @Test
  void aSegmentInUseIsNotReplaced() {
    try (Segment segment = Segment.builder(dataDir).struct("a", 8).create()) {
      SegmentInUseException e =
          assertThrows(SegmentInUseException.class, () -> Segment.builder(dataDir).create());
      assertEquals(List.of(PID), e.pids());
      segment.struct("a").putLong(0, 1);
    }
  }

  @Test
  void anIdOfNoSegmentIsToldSo() {
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(Integer.MAX_VALUE));
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(-1));
  }

  @Test
  void closeRunsTheCallbacksThenDetachesAndTheLastOneOutDeletes() {
    List<String> order = new ArrayList<>();
    Segment segment = Segment.builder(dataDir).struct("a", 8).tranche("t", 1).create();
    Segment other = Segment.attach(dataDir);
    Backend me = segment.join();
    LWLock lock = segment.tranche("t").lock(0);
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    ExitCallbacks callbacks = segment.exitCallbacks();
    callbacks.beforeShmemExit(
        () -> order.add("before: " + lock.isHeldBy(me) + " " + segment.backend().heldLocks()));
    callbacks.onShmemExit(
        () -> {
          segment.struct("a").putLong(0, 5);
          order.add("shmem: " + segment.backends().size());
        });
    callbacks.onProcExit(() -> order.add("proc: " + segment.isClosed()));
    segment.close();
    assertEquals(List.of("before: true 1", "shmem: 0", "proc: true"), order);
    // Another handle keeps the memory. Nobody has released the lock, so it is poisoned.
    assertEquals(5, other.struct("a").getLong(0));
    assertTrue(other.tranche("t").lock(0).isPoisoned());
    other.close();
  }

  @Test
  void anAttacherThatClosesDeletesNothing() {
    try (Segment segment = Segment.builder(dataDir).create()) {
      Segment.attach(dataDir).close();
      Segment.attach(dataDir).close();
      assertArrayEquals(new int[] {PID}, segment.processes());
    }
  }

  @Test
  void closeThrowsIfItCannotDetachAndMayBeTriedAgain() {
    List<String> order = new ArrayList<>();
    Segment segment = Segment.builder(dataDir).struct("a", 8).create();
    segment.exitCallbacks().onShmemExit(() -> order.add("shmem"));
    segment.exitCallbacks().onProcExit(() -> order.add("proc"));
    // A backend that Java knows nothing of.
    long[] stray = new long[1];
    segment.attachment().call(handle -> BackendNative.join(handle, stray));

    for (int i = 0; i < 2; i++) {
      SegmentBusyException e = assertThrows(SegmentBusyException.class, segment::close);
      assertEquals(List.of(0), e.slots());
      assertFalse(segment.isClosed());
      assertEquals(List.of("shmem"), order);
      assertEquals(8, segment.struct("a").size());
    }

    assertEquals(0, BackendNative.leave(stray));
    segment.close();
    assertTrue(segment.isClosed());
    assertEquals(List.of("shmem", "proc"), order);
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
  }

  @Test
  void closeTwiceDoesNothing() {
    Segment segment = Segment.privateBuilder().create();
    segment.close();
    segment.close();
    assertTrue(segment.isClosed());
  }

  @Test
  void everyUseAfterCloseThrows() {
    Segment segment = Segment.builder(dataDir).struct("a", 8).tranche("t", 1).create();
    segment.close();
    for (Executable use :
        List.<Executable>of(
            () -> segment.initStruct("b", 8),
            () -> segment.struct("a"),
            () -> segment.tranche("t"),
            () -> segment.tranche("u", 1),
            segment::shmemIndex,
            segment::join,
            segment::backend,
            segment::backends,
            segment::processes,
            () -> segment.exitCallbacks().onProcExit(() -> {}))) {
      assertThrows(IllegalStateException.class, use);
    }
    assertTrue(segment.size() > 0 && segment.id() >= 0, "what it was, it still tells");
  }

  @Test
  void closeIsRefusedWhileOtherThreadsAreJoined() throws Exception {
    Segment segment = Segment.privateBuilder().create();
    List<String> order = new ArrayList<>();
    segment.exitCallbacks().beforeShmemExit(() -> order.add("ran"));
    CountDownLatch joined = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    TestThread<Void> other =
        TestThread.start(
            "the other thread",
            () -> {
              try (Backend me = segment.join()) {
                assertEquals(0, me.slot());
                joined.countDown();
                goOn.await();
                return null;
              }
            });
    joined.await();
    SegmentBusyException e = assertThrows(SegmentBusyException.class, segment::close);
    assertTrue(e.getMessage().contains("\"the other thread\""), e.getMessage());
    assertEquals(List.of(0), e.slots());
    assertEquals(List.of(), order);
    goOn.countDown();
    other.join();
    segment.close();
    assertEquals(List.of("ran"), order);
  }

  @Test
  void closeLeavesOnBehalfOfThreadsThatHaveEnded() throws Exception {
    Segment segment = Segment.builder(dataDir).tranche("t", 1).create();
    try (Segment other = Segment.attach(dataDir)) {
      TestThread.start(
              "ended",
              () -> {
                segment.tranche("t").lock(0).acquire(segment.join(), LWLockMode.SHARED);
                assertEquals(1, other.backends().get(0).heldLocks());
                return null;
              })
          .join();
      segment.close();
      assertEquals(List.of(), other.backends());
    }
  }

  @Test
  void aCallbackMayLockAndCloseAgain() {
    Segment segment = Segment.privateBuilder().tranche("t", 1).create();
    List<String> order = new ArrayList<>();
    segment
        .exitCallbacks()
        .beforeShmemExit(
            () -> {
              try (Backend me = segment.join()) {
                LWLock lock = segment.tranche("t").lock(0);
                lock.acquire(me, LWLockMode.EXCLUSIVE);
                lock.release(me);
              }
              segment.close();
              order.add("locked");
            });
    segment
        .exitCallbacks()
        .onShmemExit(
            () -> {
              assertThrows(IllegalStateException.class, segment::join);
              order.add("no more");
            });
    segment.close();
    assertEquals(List.of("locked", "no more"), order);
  }

  @Test
  void aCloseKeepsTheAddressesOnlyIfSomebodyMayHaveThem() throws Exception {
    long size = 1L << 28;
    for (boolean looks : new boolean[] {false, true}) {
      long before = addressSpace();
      for (int i = 0; i < 8; i++) {
        try (Segment segment = Segment.builder(dataDir).struct("a", size).tranche("t", 1).create();
            Segment other = Segment.attach(dataDir)) {
          assertEquals(segment.id(), other.id());
          assertEquals(
              1, other.shmemIndex().allocations().stream().filter(a -> a.size() == size).count());
          if (looks) {
            assertEquals(0, other.struct("a").getLong(size - 8));
          }
        }
      }
      assertEquals(looks, addressSpace() - before > 4 * size);
    }
  }

  /** In bytes, reserved ones included. */
  private static long addressSpace() throws IOException {
    String pages = Files.readString(Path.of("/proc/self/statm")).split(" ")[0];
    return Long.parseLong(pages) * 4096;
  }

  @Test
  void manySegmentsOneAfterAnotherLeaveNothingBehind() {
    for (int i = 0; i < 50; i++) {
      try (Segment segment = Segment.builder(dataDir).struct("a", 8).create();
          Backend me = segment.join()) {
        assertEquals(0, me.slot());
      }
    }
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
  }
}
