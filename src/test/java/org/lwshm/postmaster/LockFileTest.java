// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.DataDirectoryException;
import org.lwshm.SegmentInUseException;
import org.lwshm.jni.ProcessNative;

/** The lock file: what stands in it, and what is made of one that is damaged. */
class LockFileTest {

  @TempDir private Path dataDir;

  private Path path() {
    return dataDir.resolve("lwshm.pid");
  }

  /** A whole lock file of a process that is dead. */
  private String ofTheDead() throws Exception {
    LockFile.take(dataDir).release();
    LockFile taken = LockFile.take(dataDir);
    String text = Files.readString(path());
    taken.release();
    // An identity that is nobody's: our pid, started at another time.
    String identity = Long.toString(taken.contents().owner().identity());
    long other = taken.contents().owner().identity() ^ 1L << 30;
    return text.replace(identity, Long.toString(other));
  }

  @Test
  void saysWhoHasTheDirectory() throws IOException {
    LockFile file = LockFile.take(dataDir);
    List<String> lines = Files.readAllLines(path());
    assertEquals(Long.toString(ProcessHandle.current().pid()), lines.get(0).strip());
    assertEquals(dataDir.toString(), lines.get(1));
    assertEquals("0 -1", lines.get(3).strip().replaceAll(" +", " "));
    assertEquals("starting", lines.get(4).strip());
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path())));
    file.release();
    assertFalse(Files.exists(path()));
  }

  @Test
  void isAsLongWhateverItSays() throws IOException {
    LockFile file = LockFile.take(dataDir);
    long size = Files.size(path());
    Object inode = Files.getAttribute(path(), "unix:ino");
    for (String status : List.of("ready", "restarting", "stopping")) {
      file.update(file.contents().withSegment(Integer.MIN_VALUE, Integer.MAX_VALUE).with(status));
      assertEquals(size, Files.size(path()));
      assertEquals(inode, Files.getAttribute(path(), "unix:ino"));
      assertEquals(file.contents(), LockFile.read(path()));
    }
    file.release();
  }

  @Test
  void isHeldUntilItIsReleased() {
    LockFile file = LockFile.take(dataDir);
    SegmentInUseException e =
        assertThrows(SegmentInUseException.class, () -> LockFile.take(dataDir));
    assertEquals(List.of((int) ProcessHandle.current().pid()), e.pids());
    assertTrue(LockFile.find(dataDir).orElseThrow().isHeld());
    file.release();
    assertTrue(LockFile.find(dataDir).isEmpty());
    LockFile.take(dataDir).release();
  }

  @Test
  void releasingAgainDoesNothing() {
    LockFile file = LockFile.take(dataDir);
    file.release();
    LockFile other = LockFile.take(dataDir);
    file.release();
    assertTrue(other.isValid());
    other.release();
  }

  @Test
  void theDeadsIsReplaced() throws Exception {
    Files.writeString(path(), ofTheDead());
    assertFalse(LockFile.find(dataDir).orElseThrow().isHeld());
    LockFile.take(dataDir).release();
  }

  @Test
  void aCopyOfALiveOnesIsNot() throws Exception {
    LockFile file = LockFile.take(dataDir);
    String text = Files.readString(path());
    Files.delete(path());
    Files.writeString(path(), text);
    assertFalse(file.isValid());
    assertFalse(LockFile.find(dataDir).orElseThrow().isHeld());
    assertThrows(SegmentInUseException.class, () -> LockFile.take(dataDir));
    file.release();
    assertTrue(Files.exists(path()), "not ours, so it is left");
  }

  @ParameterizedTest
  @ValueSource(strings = {"of somebody else", "", "OF THE DEAD"})
  void oneThatIsOverwrittenIsNotValid(String text) throws Exception {
    String dead = ofTheDead();
    LockFile file = LockFile.take(dataDir);
    assertTrue(file.isValid());
    Files.writeString(path(), text.equals("OF THE DEAD") ? dead : text);
    assertFalse(file.isValid());
    file.release();
    assertFalse(Files.exists(path()), "it is ours, whatever stands in it");
  }

  @ParameterizedTest
  @CsvSource({
    "empty, is empty",
    "truncated, is truncated: it has 3 whole lines",
    "cut, is truncated",
    "letters, line 1 is \"x",
    "unpadded, is not as a postmaster writes it",
    "short, line 6 is",
    "binary, damaged"
  })
  void aDamagedOneIsRefusedAndKept(String damage, String message) throws Exception {
    String good = ofTheDead();
    String[] lines = good.split("\n");
    String bad =
        switch (damage) {
          case "empty" -> "";
          case "truncated" -> String.join("\n", lines[0], lines[1], lines[2], "");
          case "cut" -> good.substring(0, good.length() - 5);
          case "letters" -> "x" + good;
          case "unpadded" -> good.replace("starting  \n", "starting\n");
          case "short" -> good.replace(lines[5], lines[5].substring(0, 5));
          default -> "\0\1\2\n\n\n\n\n\n\n";
        };
    Files.writeString(path(), bad);
    LockFileException e = assertThrows(LockFileException.class, () -> LockFile.take(dataDir));
    assertTrue(e.getMessage().contains(message), e.getMessage());
    assertTrue(e.getMessage().contains(path().toString()), e.getMessage());
    assertTrue(e.getMessage().contains("remove the file"), e.getMessage());
    assertThrows(LockFileException.class, () -> LockFile.find(dataDir));
    assertEquals(bad, Files.readString(path()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"directory", "link", "pipe"})
  @Timeout(60)
  void somethingElseInItsPlaceIsRefused(String what) throws Exception {
    switch (what) {
      case "directory" -> Files.createDirectory(path());
      case "link" -> Files.createSymbolicLink(path(), dataDir.resolve("elsewhere"));
      default -> assertEquals(0, new ProcessBuilder("mkfifo", path().toString()).start().waitFor());
    }
    for (Executable look :
        List.<Executable>of(() -> LockFile.take(dataDir), () -> LockFile.find(dataDir))) {
      LockFileException e = assertThrows(LockFileException.class, look);
      assertTrue(e.getMessage().contains("no regular file"), e.getMessage());
    }
  }

  static boolean isRoot() {
    return System.getProperty("user.name").equals("root");
  }

  @Test
  @EnabledIf("isRoot")
  void anothersIsRefused() throws Exception {
    Files.writeString(path(), ofTheDead());
    Files.setAttribute(path(), "unix:uid", 12345);
    LockFileException e = assertThrows(LockFileException.class, () -> LockFile.take(dataDir));
    assertTrue(e.getMessage().contains("belongs to user 12345"), e.getMessage());
  }

  @Test
  void whatAKilledStarterLeftIsRemoved() throws IOException {
    LockFileContents.Owner self = LockFileContents.Owner.self();
    // Our pid, started at another time.
    Path left = makeUnfinished(self.identity() ^ 1L << 30, self.pidNamespace());
    Path alive = makeUnfinished(ProcessNative.identity(1), self.pidNamespace());
    Path elsewhere = makeUnfinished(self.identity() ^ 1L << 30, self.pidNamespace() ^ 1);
    Path longAgo = makeUnfinished(self.identity() ^ 1L << 31, self.pidNamespace() ^ 1);
    Files.setLastModifiedTime(longAgo, FileTime.from(Instant.now().minusSeconds(7200)));
    Path other = Files.createFile(dataDir.resolve("lwshm.pid.notes.new"));
    LockFile.take(dataDir).release();
    assertFalse(Files.exists(left));
    assertFalse(Files.exists(longAgo));
    assertTrue(Files.exists(alive));
    assertTrue(Files.exists(elsewhere), "of a container, where somebody may be at it");
    assertTrue(Files.exists(other));
  }

  private Path makeUnfinished(long identity, long pidNamespace) throws IOException {
    LockFileContents.Owner owner = new LockFileContents.Owner(identity, pidNamespace, 0, 0, 0);
    return Files.createFile(UnfinishedLockFile.path(dataDir, owner));
  }

  @Test
  void aPathThatItsLineCannotHoldIsRefused() throws IOException {
    Path dir = Files.createDirectory(dataDir.resolve("two\nlines"));
    assertThrows(DataDirectoryException.class, () -> Postmaster.builder(dir));
  }

  @Test
  void theDirectoryIsNamedByItsRealPath() throws IOException {
    Path real = Files.createDirectories(dataDir.toRealPath().resolve("a/b"));
    Path link = Files.createSymbolicLink(dataDir.resolve("link"), real);
    assertEquals(real.getParent(), RunningPostmaster.requireDirectory(link.resolve("..")));
  }

  @Test
  void aDirectoryThatIsNoneIsRefused() throws IOException {
    assertThrows(
        DataDirectoryException.class, () -> Postmaster.builder(dataDir.resolve("missing")));
    Path file = Files.createFile(dataDir.resolve("file"));
    assertThrows(DataDirectoryException.class, () -> RunningPostmaster.find(file));
  }

  @Test
  void aDirectoryWhosePathHasTwoLinesIsRefused() throws IOException {
    Path twoLines = Files.createDirectory(dataDir.resolve("a\nb"));
    DataDirectoryException e =
        assertThrows(DataDirectoryException.class, () -> Postmaster.builder(twoLines));
    assertTrue(e.getMessage().contains("line break"), e.getMessage());
  }
}
