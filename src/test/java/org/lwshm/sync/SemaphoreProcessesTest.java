// SPDX-License-Identifier: Apache-2.0

package org.lwshm.sync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.Backend;
import org.lwshm.Segment;
import org.lwshm.SemaphoreKind;
import org.lwshm.SharedStruct;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;

/** A semaphore among processes, in Java and in C, some of which are killed. */
class SemaphoreProcessesTest {

  private static final int PERMITS = 4;

  private final Children children = new Children();
  @TempDir private Path dataDir;
  private Segment segment;
  private Backend me;
  private Semaphore owned;
  private Semaphore plain;
  private SharedStruct use;

  @BeforeEach
  void create() {
    segment =
        Segment.builder(dataDir)
            .semaphore("owned", PERMITS, SemaphoreKind.OWNED)
            .semaphore("plain", PERMITS, SemaphoreKind.PLAIN)
            .struct("use", SemaphoreMember.USE_BYTES)
            .create();
    me = segment.join();
    owned = Semaphore.find(segment, "owned");
    plain = Semaphore.find(segment, "plain");
    use = segment.struct("use");
  }

  @AfterEach
  void end() {
    segment.close();
    children.close();
  }

  private Child member(String language, Semaphore semaphore) throws InterruptedException {
    Child member =
        language.equals("java")
            ? children.jvm(SemaphoreMember.class)
            : children.program(SemaphoreMember.C_PROGRAM);
    member.ok("attach " + dataDir + " " + semaphore.name());
    return member;
  }

  private long waiters(Semaphore semaphore) {
    return segment.backends().stream().filter(b -> b.waitLock() == semaphore.offset()).count();
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void permitsOfAKilledHolderComeBackToWhoIsParkedAndToWhoComesLater(String language)
      throws Exception {
    Child holder = member(language, owned);
    Child waiter = member(language, owned);
    holder.ok("acquire 3");
    assertEquals("3", holder.ok("held"));
    waiter.send("acquire 2");
    children.awaitUntil(() -> waiters(owned) == 1);
    assertFalse(waiter.hasReply());
    holder.kill();
    waiter.ok();
    waiter.kill();
    owned.acquire(me, PERMITS); // a newcomer
    assertEquals(PERMITS, owned.heldBy(me));
    assertFalse(owned.tryAcquire(me));
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21)
  void permitsOfAKilledHolderComeBackToAVirtualThread() throws Exception {
    Child holder = member("c", owned);
    holder.ok("acquire 3");
    CompletableFuture<Integer> held = new CompletableFuture<>();
    Runnable waiter =
        () -> {
          try (Backend backend = segment.join()) {
            owned.acquire(backend, 2);
            held.complete(owned.heldBy(backend));
          } catch (Throwable e) {
            held.completeExceptionally(e);
          }
        };
    Thread thread =
        (Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, waiter);
    // Before the kill: a joining backend might clean up for it.
    children.awaitUntil(() -> segment.backends().size() == 3);
    holder.kill();
    assertEquals(2, held.get());
    thread.join();
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void permitsOfAKilledHolderOfAPlainOneAreGone(String language) throws Exception {
    Child holder = member(language, plain);
    holder.ok("acquire 3");
    holder.kill();
    assertFalse(plain.tryAcquire(me, 2, 300, TimeUnit.MILLISECONDS));
    assertEquals(1, plain.availablePermits());
    plain.release(me, 3); // anybody may make up for it
    assertTrue(plain.tryAcquire(me, PERMITS));
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void aStoppedHolderKeepsItsPermits(String language) throws Exception {
    Child holder = member(language, owned);
    holder.ok("acquire 3");
    holder.signal("STOP");
    children.awaitUntil(() -> holder.state() == 'T');
    assertFalse(owned.tryAcquire(me, 2, 500, TimeUnit.MILLISECONDS));
    assertFalse(owned.tryAcquire(me, 2));
    holder.signal("CONT");
    assertEquals("3", holder.ok("held"));
    holder.ok("release 3");
    assertTrue(owned.tryAcquire(me, PERMITS));
  }

  @ParameterizedTest
  @ValueSource(strings = {"owned", "plain"})
  void neverMoreAreInUseThanThereArePermits(String name) throws Exception {
    Semaphore semaphore = Semaphore.find(segment, name);
    List<Child> members = new ArrayList<>();
    for (String language : List.of("java", "c", "java", "c")) {
      members.add(member(language, semaphore));
    }
    for (Child member : members) {
      member.send("contend 3000 3");
    }
    for (Child member : members) {
      long most = Long.parseLong(member.ok());
      assertTrue(most <= PERMITS, () -> most + " in use");
    }
    assertEquals(PERMITS, semaphore.availablePermits());
    assertEquals(0, use.getLong(SemaphoreMember.IN_USE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void killedInTheMiddleTimeAndAgainNoPermitIsLostOrInvented(String language) throws Exception {
    Random random = new Random(1);
    int kills = language.equals("java") ? 4 : 40;
    Child survivor = member("c", owned);
    survivor.send("churn 4");
    survivor.ok();
    for (int kill = 0; kill < kills; kill++) {
      Child victim = member(language, owned);
      victim.send("churn 3");
      victim.ok();
      long turns = use.getLongVolatile(SemaphoreMember.TURNS) + random.nextInt(1000);
      children.awaitUntil(() -> use.getLongVolatile(SemaphoreMember.TURNS) > turns);
      victim.kill();
    }
    survivor.kill();
    assertTrue(owned.tryAcquire(me, PERMITS, 60, TimeUnit.SECONDS), "permits are lost");
    assertFalse(owned.tryAcquire(me));
    owned.release(me, PERMITS);
    assertEquals(PERMITS, owned.availablePermits());
  }
}
