// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentBuilderTest {

  @TempDir Path dataDir;

  /** A subsystem that does what the test says. */
  private static final class Module implements ShmemSubsystem {
    private final String name;
    private final Consumer<ShmemRequest> request;
    private final Consumer<Segment> init;
    private final Consumer<Segment> attach;

    Module(String name, Consumer<ShmemRequest> request, Consumer<Segment> init) {
      this(name, request, init, segment -> {});
    }

    Module(
        String name,
        Consumer<ShmemRequest> request,
        Consumer<Segment> init,
        Consumer<Segment> attach) {
      this.name = name;
      this.request = request;
      this.init = init;
      this.attach = attach;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public void request(ShmemRequest r) {
      request.accept(r);
    }

    @Override
    public void init(Segment segment) {
      init.accept(segment);
    }

    @Override
    public void attach(Segment segment) {
      attach.accept(segment);
    }
  }

  @Test
  void theSizeIsKnownBeforeAndIsExact() {
    SegmentBuilder builder =
        Segment.builder(dataDir).struct("accounts", 1000).tranche("accounts", 7).spare(100);
    ShmemSize size = builder.size();
    assertEquals(size.total(), size.rows().stream().mapToLong(ShmemSize.Row::bytes).sum());
    assertTrue(size.rows().contains(new ShmemSize.Row("accounts", "builder", 1024)));
    assertTrue(size.rows().contains(new ShmemSize.Row("spare", "builder", 128)));
    assertTrue(size.toString().contains("accounts"), size.toString());
    try (Segment segment = builder.create()) {
      assertEquals(size.total(), segment.size());
      assertEquals(size.total(), segment.shmemIndex().total());
    }
  }

  @Test
  void theSizeMakesNothing() {
    Segment.builder(dataDir).struct("a", 1).size();
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
  }

  @Test
  void aSizeThatDoesNotFitIsRefusedBeforeAnythingIsMade() {
    SegmentBuilder builder =
        Segment.builder(dataDir)
            .struct("a", Long.MAX_VALUE / 2)
            .struct("b", Long.MAX_VALUE / 2 + 9);
    assertThrows(ArithmeticException.class, builder::size);
    assertThrows(ArithmeticException.class, builder::create);
    SegmentBuilder huge = Segment.builder(dataDir).struct("a", Long.MAX_VALUE / 2);
    assertThrows(IllegalArgumentException.class, huge::create);
  }

  @Test
  void phasesRunInTheOrderOfRegistration() {
    List<String> order = new ArrayList<>();
    Module bank =
        new Module(
            "bank",
            r -> {
              order.add("bank request");
              r.struct("accounts", 800);
              r.tranche("rows", 10);
            },
            s -> {
              order.add("bank init");
              assertTrue(s.struct("accounts").isFound());
              assertEquals(10, s.tranche("rows").size());
              s.struct("accounts").putLong(0, 42);
            },
            s -> order.add("bank attach " + s.struct("accounts").getLong(0)));
    Module audit =
        new Module(
            "audit",
            r -> order.add("audit request"),
            s -> order.add("audit init"),
            s -> order.add("audit attach"));
    try (Segment segment = Segment.builder(dataDir).register(bank, audit).create();
        Segment other = Segment.attach(dataDir, bank, audit)) {
      assertEquals(segment.id(), other.id());
    }
    assertEquals(
        List.of(
            "bank request",
            "audit request",
            "bank init",
            "audit init",
            "bank attach 42",
            "audit attach"),
        order);
  }

  @Test
  void aNameThatTwoAskForIsRefusedWithBothOwners() {
    Module one = new Module("one", r -> r.struct("same", 8), s -> {});
    Module two = new Module("two", r -> r.struct("same", 8), s -> {});
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> Segment.builder(dataDir).register(one, two).create());
    assertEquals(
        "struct \"same\" was requested by \"one\" already, and again by \"two\"", e.getMessage());
    SegmentBuilder builder = Segment.builder(dataDir).tranche("t", 1);
    assertThrows(IllegalArgumentException.class, () -> builder.tranche("t", 1));
  }

  @Test
  void aRequestAfterItsPhaseIsRefused() {
    ShmemRequest[] kept = new ShmemRequest[1];
    Module late =
        new Module("late", r -> kept[0] = r, s -> assertThrowsWrongPhase(kept[0], "late"));
    Segment.builder(dataDir).register(late).create().close();
    assertThrowsWrongPhase(kept[0], "late");
  }

  private static void assertThrowsWrongPhase(ShmemRequest request, String owner) {
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> request.struct("x", 1));
    assertTrue(e.getMessage().contains("request phase of \"" + owner + "\" is over"), e.toString());
    assertThrows(IllegalStateException.class, () -> request.tranche("x", 1));
    assertThrows(IllegalStateException.class, () -> request.backends(1));
    assertThrows(IllegalStateException.class, () -> request.bytes(1));
  }

  @Test
  void theBuilderIsClosedWhileItAsks() {
    SegmentBuilder[] builder = new SegmentBuilder[1];
    Module module =
        new Module(
            "m",
            r -> {
              assertThrows(IllegalStateException.class, () -> builder[0].struct("x", 1));
              assertThrows(IllegalStateException.class, () -> builder[0].create());
            },
            s -> {});
    builder[0] = Segment.builder(dataDir).register(module);
    builder[0].size();
  }

  @Test
  void closeInAPhaseIsRefused() {
    Module closer =
        new Module(
            "closer",
            r -> {},
            s -> assertThrows(IllegalStateException.class, s::close),
            s -> assertThrows(IllegalStateException.class, s::close));
    try (Segment segment = Segment.builder(dataDir).register(closer).create();
        Segment other = Segment.attach(dataDir, closer)) {
      assertFalse(segment.isClosed());
      assertFalse(other.isClosed());
    }
  }

  @Test
  void aFailedInitUndoesTheCreationAndMayBeTriedAgain() {
    RuntimeException failure = new RuntimeException("no");
    List<String> order = new ArrayList<>();
    Segment[] kept = new Segment[1];
    Module failing =
        new Module(
            "failing",
            r -> r.struct("a", 64),
            s -> {
              kept[0] = s;
              s.exitCallbacks().beforeShmemExit(() -> order.add("before"));
              s.exitCallbacks().onProcExit(() -> order.add("proc"));
              s.join();
              throw failure;
            });
    SegmentBuilder builder = Segment.builder(dataDir).register(failing);
    assertSame(failure, assertThrows(RuntimeException.class, builder::create));
    assertEquals(List.of("before", "proc"), order);
    assertTrue(kept[0].isClosed());
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(kept[0].id()));
    try (Segment again = Segment.builder(dataDir).struct("a", 64).create()) {
      assertEquals(0, again.struct("a").getLong(0));
    }
  }

  @Test
  void aSegmentInItsInitPhaseIsNotReady() {
    long pid = ProcessHandle.current().pid();
    Module module =
        new Module(
            "m",
            r -> {},
            s -> {
              SegmentNotReadyException e =
                  assertThrows(SegmentNotReadyException.class, () -> Segment.attach(dataDir));
              assertEquals(pid, e.creatorPid());
            });
    Segment.builder(dataDir).register(module).create().close();
  }

  @Test
  void aFailedAttachLeavesAgain() {
    RuntimeException failure = new RuntimeException("no");
    Module failing =
        new Module(
            "failing",
            r -> {},
            s -> {},
            s -> {
              throw failure;
            });
    try (Segment segment = Segment.builder(dataDir).create()) {
      int before = segment.processes().length;
      assertSame(
          failure, assertThrows(RuntimeException.class, () -> Segment.attach(dataDir, failing)));
      assertEquals(before, segment.processes().length);
      Segment.attach(dataDir).close();
    }
  }

  @Test
  void limitsGrowWithWhatIsAskedFor() {
    Module module =
        new Module(
            "m",
            r -> {
              r.backends(3);
              r.tranche("one", 5);
              r.tranche("two", 5);
              r.struct("a", 1);
              r.struct("b", 1);
            },
            s -> {});
    try (Segment segment =
        Segment.privateBuilder()
            .maxBackends(1)
            .maxTranches(1)
            .maxLWLocks(1)
            .maxStructs(1)
            .register(module)
            .create()) {
      assertEquals(5, segment.tranche("two").size());
      LimitExceededException e =
          assertThrows(LimitExceededException.class, () -> segment.tranche("three", 1));
      assertTrue(e.getMessage().contains("max_"), e.getMessage());
      assertThrows(LimitExceededException.class, () -> segment.initStruct("c", 1));
    }
  }

  @Test
  void anOptionOutOfItsRangeIsRefusedByName() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> Segment.privateBuilder().maxBackends(0).size());
    assertTrue(e.getMessage().contains("maxBackends is 0"), e.getMessage());
    e =
        assertThrows(
            IllegalArgumentException.class,
            () -> Segment.privateBuilder().maxBackends(65535).size());
    assertTrue(e.getMessage().contains("max_backends is 65535"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Segment.privateBuilder().maxTranches(-1));
    assertThrows(
        IllegalArgumentException.class, () -> Segment.privateBuilder().maxProcesses(-1).size());
    assertThrows(IllegalArgumentException.class, () -> Segment.privateBuilder().spare(-1));
    assertThrows(IllegalArgumentException.class, () -> Segment.privateBuilder().mode(0777).size());
  }

  private static SegmentBuilder withStructs(int count) {
    SegmentBuilder builder = Segment.privateBuilder();
    for (int i = 0; i < count; i++) {
      builder.struct("s" + i, 1);
    }
    return builder;
  }

  @Test
  void theGreatestNumbersFitWithoutTheBuildersOwnSpare() {
    assertTrue(withStructs(65536).size().total() > 65536 * 64);
    assertTrue(Segment.privateBuilder().tranche("t", 16777216).size().total() > 1L << 30);
    SegmentBuilder tranches = Segment.privateBuilder();
    for (int i = 0; i < 65535; i++) {
      tranches.tranche("t" + i, 1);
    }
    assertTrue(tranches.size().total() > 0);
    Module backends = new Module("m", r -> r.backends(65534), s -> {});
    assertTrue(Segment.privateBuilder().register(backends).size().total() > 0);
    assertTrue(Segment.privateBuilder().maxChildren(4095).size().total() > 0);
  }

  @Test
  void aNumberThatIsTooGreatIsTheCallersOwnInTheMessage() {
    assertRefused("max_structs is 65537; it takes 1 to 65536", withStructs(65537));
    assertRefused(
        "max_lwlocks is 16777217; it takes 1 to 16777216",
        Segment.privateBuilder().tranche("t", 16777217));
    assertRefused(
        "maxBackends is 65534 and maxChildren is 4; together they take 65534 at most",
        Segment.privateBuilder().maxBackends(65534).maxChildren(4));
    assertRefused(
        "maxProcesses is 4096 and maxChildren is 1; together they take 4096 at most",
        Segment.privateBuilder().maxProcesses(4096).maxChildren(1));
  }

  private static void assertRefused(String message, SegmentBuilder builder) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, builder::size);
    assertEquals(message, e.getMessage());
  }

  @Test
  void aNameThatBreaksTheRulesIsRefusedWithItsValue() {
    SegmentBuilder builder = Segment.privateBuilder();
    assertThrows(IllegalArgumentException.class, () -> builder.struct("", 1));
    assertThrows(IllegalArgumentException.class, () -> builder.struct("x".repeat(48), 1));
    assertThrows(IllegalArgumentException.class, () -> builder.struct("\u00e4".repeat(24), 1));
    assertThrows(IllegalArgumentException.class, () -> builder.struct("a\0b", 1));
    assertThrows(IllegalArgumentException.class, () -> builder.struct("a\ud800b", 1));
    assertThrows(IllegalArgumentException.class, () -> builder.struct("a", 0));
    assertThrows(IllegalArgumentException.class, () -> builder.struct("a", -1));
    assertThrows(IllegalArgumentException.class, () -> builder.tranche("x".repeat(64), 1));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> builder.tranche("rows", 0));
    assertTrue(e.getMessage().contains("\"rows\" is 0"), e.getMessage());
    builder.struct("x".repeat(47), 1).tranche("\u00e4".repeat(31), 1).create().close();
  }

  @Test
  void theBuilderMakesOneSegmentAfterAnother() {
    SegmentBuilder builder = Segment.builder(dataDir).struct("a", 8);
    builder.create().close();
    builder.create().close();
  }

  @Test
  void childrenHaveSlotsBesidesThoseThatAreAskedFor() {
    try (Segment segment = Segment.builder(dataDir).maxBackends(1).maxChildren(3).create();
        Backend only = segment.join()) {
      assertEquals(3, only.slot());
      assertThrows(
          LimitExceededException.class,
          () -> {
            try {
              TestThread.start("one too many", () -> segment.join().slot()).join();
            } finally {
              segment.reapDead();
            }
          });
    }
    long none = Segment.privateBuilder().size().total();
    assertTrue(Segment.privateBuilder().maxChildren(100).size().total() > none);
    assertThrows(IllegalArgumentException.class, () -> Segment.privateBuilder().maxChildren(-1));
  }

  @Test
  void aNewGenerationComesAfterTheOneThatIsAskedFor() {
    try (Segment segment = Segment.builder(dataDir).after(41).create()) {
      assertEquals(42, segment.generation());
    }
    assertThrows(IllegalArgumentException.class, () -> Segment.privateBuilder().after(-1));
  }
}
