// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
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
