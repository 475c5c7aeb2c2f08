// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lwshm.BackendInfo;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Member;

/** Java against C on one lock, in turn; {@link ContentionTest} has them at once. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LanguagesTest {

  private static final List<String> LANGUAGES = List.of("java", "c");

  private Children children;
  private Segment segment;
  private Child javaHolder;
  private Child javaWaiter;
  private Child cHolder;
  private Child cWaiter;

  @BeforeAll
  void start(@TempDir Path dataDir) throws Exception {
    children = new Children();
    segment = Member.builder(dataDir).create();
    javaHolder = children.javaMember();
    javaWaiter = children.javaMember();
    cHolder = children.cMember();
    cWaiter = children.cMember();
    for (Child member : List.of(javaHolder, javaWaiter, cHolder, cWaiter)) {
      member.ok("attach " + dataDir);
      member.ok("join");
    }
  }

  @AfterAll
  void end() throws Exception {
    segment.close();
    children.close();
  }

  static Stream<Arguments> allThatExclude() {
    return LANGUAGES.stream()
        .flatMap(
            holder ->
                LANGUAGES.stream()
                    .flatMap(
                        waiter ->
                            Stream.of("X X", "X S", "S X")
                                .map(modes -> modes.split(" "))
                                .map(m -> Arguments.of(holder, m[0], waiter, m[1]))));
  }

  @ParameterizedTest(name = "{0} holds {1}, {2} waits for {3}")
  @MethodSource("allThatExclude")
  void aWaiterParksAndGetsTheLockUponRelease(String by, String held, String who, String mode)
      throws Exception {
    Child holder = by.equals("java") ? javaHolder : cHolder;
    Child waiter = who.equals("java") ? javaWaiter : cWaiter;
    long lock = segment.tranche("locks").lock(0).offset();
    holder.ok("acquire 0 " + held);
    assertEquals("0", waiter.ok("try 0 " + mode));
    waiter.send("acquire 0 " + mode);
    children.awaitUntil(() -> backendOf(waiter).waitLock() == lock);
    assertEquals(
        mode.equals("X") ? LWLockMode.EXCLUSIVE : LWLockMode.SHARED, backendOf(waiter).waitMode());
    assertEquals(1, backendOf(holder).heldLocks());
    assertFalse(waiter.hasReply());
    holder.ok("release 0");
    waiter.ok();
    assertEquals(0, backendOf(waiter).waitLock());
    assertNull(backendOf(waiter).waitMode());
    assertEquals(1, backendOf(waiter).heldLocks());
    assertEquals(0, backendOf(holder).heldLocks());
    assertEquals("0", holder.ok("try 0 X"));
    waiter.ok("release 0");
    assertEquals("1", holder.ok("try 0 X"));
    holder.ok("release 0");
  }

  static Stream<Arguments> pairs() {
    return LANGUAGES.stream().flatMap(a -> LANGUAGES.stream().map(b -> Arguments.of(a, b)));
  }

  @ParameterizedTest(name = "{0} and {1}")
  @MethodSource("pairs")
  void sharedHoldersDoNotExcludeOneAnother(String one, String another) throws Exception {
    Child first = one.equals("java") ? javaHolder : cHolder;
    Child second = another.equals("java") ? javaWaiter : cWaiter;
    first.ok("acquire 1 S");
    second.ok("acquire 1 S");
    first.ok("release 1");
    assertEquals("0", first.ok("try 1 X"));
    second.ok("release 1");
    assertEquals("1", first.ok("try 1 X"));
    first.ok("release 1");
  }

  @ParameterizedTest(name = "{0} and {1} wait")
  @MethodSource("pairs")
  void oneReleaseLetsAllSharedWaitersIn(String one, String another) throws Exception {
    Child first = one.equals("java") ? javaHolder : cHolder;
    Child second = another.equals("java") ? javaWaiter : cWaiter;
    segment.join();
    long lock = segment.tranche("locks").lock(2).offset();
    segment.tranche("locks").lock(2).acquire(LWLockMode.EXCLUSIVE);
    first.send("acquire 2 S");
    second.send("acquire 2 S");
    children.awaitUntil(() -> backendOf(first).waitLock() == lock);
    children.awaitUntil(() -> backendOf(second).waitLock() == lock);
    segment.tranche("locks").lock(2).release();
    segment.backend().close();
    first.ok();
    second.ok();
    first.ok("release 2");
    second.ok("release 2");
  }

  private BackendInfo backendOf(Child member) {
    return segment.backends().stream()
        .filter(b -> b.pid() == member.pid())
        .findFirst()
        .orElseThrow();
  }
}
