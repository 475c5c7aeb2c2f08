// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.Backend;
import org.lwshm.DataDirectoryException;
import org.lwshm.ForeignSegmentException;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.OwnerDiedException;
import org.lwshm.Segment;
import org.lwshm.SegmentInUseException;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Member;
import org.lwshm.testing.ReadableClassPath;
import org.lwshm.testing.SysvSegment;

/** Processes in other surroundings: of another user, under the kernel's limits, in containers. */
class SurroundingsTest {

  private static final int NOBODY = 65534;

  @TempDir Path parent;
  @AutoClose final Children children = new Children();
  private Path dataDir;

  @BeforeEach
  void makeDataDir() throws IOException {
    dataDir = Files.createDirectory(parent.resolve("data"));
    for (Path directory : List.of(parent, dataDir)) { // whatever the umask takes away
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  /** Whether a command that others are run under is there, and permitted. */
  private static void assume(List<String> prefix) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(Children.concat(prefix, List.of("true")))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assumeTrue(process.waitFor() == 0, () -> "not permitted here: " + prefix);
  }

  private Child under(List<String> prefix, String language) throws Exception {
    assume(prefix);
    List<String> command =
        language.equals("java")
            ? children.jvmCommand(Member.class)
            : List.of(Children.executable(Member.C_PROGRAM).toString());
    return children.start(language, Children.concat(prefix, command));
  }

  // ---- another user ----

  private static final List<String> AS_NOBODY =
      List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups");

  private Child nobodysMember(ReadableClassPath classPath) throws Exception {
    assume(AS_NOBODY);
    return children.start(
        "nobody's",
        Children.concat(
            AS_NOBODY,
            List.of(
                Children.java().toString(), "-cp", classPath.toString(), Member.class.getName())));
  }

  @Test
  void aDirectoryOfAnotherUserIsRefusedWithBothUsers() throws Exception {
    assume(AS_NOBODY);
    try (ReadableClassPath classPath = new ReadableClassPath();
        Segment segment = Member.builder(dataDir).create()) {
      Child nobody = nobodysMember(classPath);
      Object us = Files.getAttribute(dataDir, "unix:uid");
      String rule =
          "data directory \"%s\" belongs to user %s and this process runs as user %s"
              .formatted(dataDir, us, NOBODY);
      for (String command : List.of("attach " + dataDir, "create " + dataDir + " 4 4 4")) {
        String error = nobody.error(command);
        assertTrue(error.startsWith("DataDirectoryException - " + rule), error);
      }
      assertEquals(1, segment.processes().length);
      Path theirs = Files.createDirectory(parent.resolve("theirs"));
      Files.setAttribute(theirs, "unix:uid", NOBODY);
      DataDirectoryException e =
          assertThrows(DataDirectoryException.class, () -> Segment.attach(theirs));
      assertTrue(e.getMessage().contains("belongs to user " + NOBODY), e.getMessage());
      assertThrows(DataDirectoryException.class, () -> Member.builder(theirs).create());
    }
  }

  @Test
  void aDirectoryThatIsNotWritableIsRefusedToCreators() throws Exception {
    assume(AS_NOBODY);
    try (ReadableClassPath classPath = new ReadableClassPath()) {
      Child nobody = nobodysMember(classPath);
      Files.setAttribute(dataDir, "unix:uid", NOBODY);
      Files.setPosixFilePermissions(dataDir, PosixFilePermissions.fromString("r-xr-xr-x"));
      String error = nobody.error("create " + dataDir + " 4 4 4");
      String rule = "data directory \"" + dataDir + "\" is not writable: Permission denied";
      assertTrue(error.startsWith("DataDirectoryException - " + rule), error);
      Files.setPosixFilePermissions(dataDir, PosixFilePermissions.fromString("---------"));
      error = nobody.error("attach " + dataDir);
      rule = "data directory \"" + dataDir + "\" cannot be opened: Permission denied";
      assertTrue(error.startsWith("DataDirectoryException - " + rule), error);
    }
  }

  @Test
  void aSegmentOfAnotherUserIsLeftAloneWhateverItsDirectory() throws Exception {
    assume(AS_NOBODY);
    try (ReadableClassPath classPath = new ReadableClassPath()) {
      Child nobody = nobodysMember(classPath);
      Object us = Files.getAttribute(dataDir, "unix:uid");
      Files.setAttribute(dataDir, "unix:uid", NOBODY);
      long[] theirs = nobody.numbers("create " + dataDir + " 4 4 4");
      Files.setAttribute(dataDir, "unix:uid", us);
      for (Runnable call :
          List.<Runnable>of(
              () -> Segment.attach(dataDir), () -> Member.builder(dataDir).create())) {
        DataDirectoryException e = assertThrows(DataDirectoryException.class, call::run);
        assertTrue(e.getMessage().contains("does not belong to the owner"), e.getMessage());
      }
      assertEquals(1, SysvSegment.of(theirs[0]).orElseThrow().attached());
      Files.setAttribute(dataDir, "unix:uid", NOBODY);
      nobody.ok("close");
      assertTrue(SysvSegment.of(theirs[0]).isEmpty());
    }
  }

  @Test
  void aSegmentThatMoreMayWriteToThanWeAcceptIsRefusedWithItsMode() {
    try (Segment segment = Member.builder(dataDir).mode(0660).create()) {
      ForeignSegmentException e =
          assertThrows(ForeignSegmentException.class, () -> Segment.attach(dataDir));
      assertTrue(e.getMessage().contains("with mode 0660"), e.getMessage());
      try (Segment attached = Segment.attach(dataDir, 0660)) {
        assertEquals(segment.id(), attached.id());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"missing", "file"})
  void aDataDirectoryThatIsNoneIsRefusedWithItsPath(String what) throws Exception {
    Path path = parent.resolve(what);
    if (what.equals("file")) {
      Files.createFile(path);
    }
    String reason = what.equals("file") ? "is not a directory" : "does not exist";
    for (Runnable call :
        List.<Runnable>of(() -> Segment.attach(path), () -> Member.builder(path).create())) {
      DataDirectoryException e = assertThrows(DataDirectoryException.class, call::run);
      assertTrue(e.getMessage().contains("\"" + path + "\" " + reason), e.getMessage());
    }
  }

  // ---- the kernel's limits ----

  @ParameterizedTest
  @CsvSource({
    "shmmax, 8192, 22, 'kernel.shmmax allows 8192 bytes'",
    "shmmni, 0, 28, 'kernel.shmmni allows 0 segments'",
    "shmall, 1, 28, 'kernel.shmall 1 pages in all'",
  })
  void aLimitOfTheKernelIsToldWithErrnoSettingAndValue(
      String setting, String value, int errno, String told) throws Exception {
    String set = "echo " + value + " > /proc/sys/kernel/" + setting + " && exec \"$@\"";
    Child limited = under(List.of("unshare", "--ipc", "sh", "-c", set, "sh"), "java");
    String error = limited.error("create " + dataDir + " 4 4 4");
    assertTrue(error.startsWith("SystemCallException " + errno + " "), error);
    assertTrue(error.contains(told), error);
    String again = limited.error("attach " + dataDir);
    assertTrue(again.startsWith("SegmentNotFoundException "), again);
  }

  // ---- containers ----

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void anotherIpcNamespaceIsToldAsSuch(String language) throws Exception {
    try (Segment segment = Member.builder(dataDir).create()) {
      Child other = under(List.of("unshare", "--ipc"), language);
      String error = other.error("attach " + dataDir);
      assertTrue(error.matches("(NamespaceException|LWSHM_E_NAMESPACE) .*"), error);
      String ours = Files.readSymbolicLink(Path.of("/proc/self/ns/ipc")).toString();
      String number = ours.replaceAll("[^0-9]", "");
      assertTrue(error.contains("was made in IPC namespace " + number + " and this"), error);
      assertEquals(1, segment.processes().length);
    }
  }

  private static final List<String> NEW_PIDS =
      List.of("unshare", "--pid", "--fork", "--kill-child");

  /** With a /proc of its own, and with that of another PID namespace. */
  private static final List<List<String>> OTHER_PIDS =
      List.of(Children.concat(NEW_PIDS, List.of("--mount-proc")), NEW_PIDS);

  @ParameterizedTest
  @CsvSource({"java, 0", "c, 0", "java, 1", "c, 1"})
  void aHolderInAnotherPidNamespaceIsWaitedForWhileItLivesAndSucceededWhenItIsKilled(
      String language, int which) throws Exception {
    try (Segment segment = Member.builder(dataDir).create();
        Backend me = segment.join()) {
      Child other = under(OTHER_PIDS.get(which), language);
      LWLock lock = segment.tranche("locks").lock(0);
      other.ok("attach " + dataDir);
      other.ok("join");
      other.ok("acquire 0 X");
      assertFalse(lock.tryAcquire(me, LWLockMode.SHARED, Duration.ofMillis(500)));
      assertEquals(0, segment.reapDead());
      SegmentInUseException e =
          assertThrows(SegmentInUseException.class, () -> Member.builder(dataDir).create());
      assertTrue(e.pids().contains((int) ProcessHandle.current().pid()), e.getMessage());
      other.kill();
      assertThrows(OwnerDiedException.class, () -> lock.acquire(me, LWLockMode.SHARED));
      children.awaitUntil(() -> segment.reapDead() >= 0 && segment.processes().length == 1);
    }
  }

  @ParameterizedTest
  @CsvSource({"java, 0", "c, 0", "java, 1", "c, 1"})
  void fromAnotherPidNamespaceAHolderIsWaitedForWhileItLivesAndSucceededWhenItIsKilled(
      String language, int which) throws Exception {
    Child holder = children.member(language);
    holder.ok("create " + dataDir + " 4 4 4");
    holder.ok("join");
    holder.ok("acquire 0 X");
    Child other = under(OTHER_PIDS.get(which), language);
    other.ok("attach " + dataDir);
    other.ok("join");
    assertEquals("0", other.ok("reap"));
    holder.kill();
    String error = other.error("acquire 0 S");
    assertTrue(error.matches("(OwnerDiedException|LWSHM_E_OWNER_DIED) .*"), error);
    other.ok("leave");
    other.ok("close");
  }
}
