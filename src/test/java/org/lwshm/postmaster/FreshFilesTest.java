// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.Await;

/** Files that are in use do not look as if they could be cleaned away. */
class FreshFilesTest {

  @Test
  void aPoolKeepsItsFilesFromLookingOld() throws Exception {
    try (PostmasterFixture fixture = new PostmasterFixture()) {
      Postmaster postmaster = fixture.start(fixture.builder().child(fixture.worker("works")));
      fixture.awaitJoined(postmaster, 1);
      Instant longAgo = Instant.now().minus(Duration.ofDays(30));
      List<Path> files = fixture.files().stream().map(fixture.dataDir::resolve).toList();
      for (Path file : files) {
        FileTime time = FileTime.from(longAgo);
        Files.getFileAttributeView(file, BasicFileAttributeView.class).setTimes(time, time, null);
      }
      for (Path file : files) {
        Await.until(() -> oldest(file).isAfter(longAgo.plus(Duration.ofDays(20))));
      }
      assertEquals(1, postmaster.children().size());
    }
  }

  @Test
  void aFileThatCannotBeTouchedKeepsNoOtherFromIt(@TempDir Path dataDir) throws Exception {
    for (int i = 0; i < 20; i++) {
      Files.createFile(dataDir.resolve("lwshm." + i));
    }
    Files.createFile(dataDir.resolve(LockFile.NAME));
    Instant longAgo = Instant.now().minus(Duration.ofDays(30));
    FileTime time = FileTime.from(longAgo);
    try (var files = Files.list(dataDir)) {
      for (Path file : files.toList()) {
        Files.getFileAttributeView(file, BasicFileAttributeView.class).setTimes(time, time, null);
      }
    }
    List<Path> fixed;
    try (var files = Files.list(dataDir)) {
      fixed = files.filter(file -> !file.endsWith(LockFile.NAME)).limit(2).toList();
    }
    assumeTrue(change("+i", fixed) == 0, "only root may make a file immutable, and not everywhere");
    try {
      FreshFiles.touch(dataDir);
    } finally {
      change("-i", fixed);
    }
    try (var files = Files.list(dataDir)) {
      assertEquals(
          Set.copyOf(fixed),
          files
              .filter(file -> oldest(file).isBefore(longAgo.plus(Duration.ofDays(20))))
              .collect(Collectors.toSet()));
    }
  }

  private static int change(String attribute, List<Path> files) throws Exception {
    List<String> command = new ArrayList<>(List.of("chattr", attribute));
    files.forEach(file -> command.add(file.toString()));
    return new ProcessBuilder(command).start().waitFor();
  }

  private static Instant oldest(Path file) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      Instant modified = attributes.lastModifiedTime().toInstant();
      Instant read = attributes.lastAccessTime().toInstant();
      return modified.isBefore(read) ? modified : read;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
