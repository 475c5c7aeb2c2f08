// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import org.lwshm.internal.Log;

/**
 * Keeps lwshm's files in a data directory from looking old, since programs that clean up by age
 * (systemd-tmpfiles, tmpreaper) remove those.
 *
 * <p>Source: PostgreSQL's TouchSocketLockFiles, src/backend/utils/init/miscinit.c.
 */
final class FreshFiles {

  private static final Log LOG = Log.of(FreshFiles.class);

  /** How old a file may look. No cleaner's limit is as short. */
  private static final Duration OLD = Duration.ofMinutes(1);

  private FreshFiles() {}

  /** Sets the times of the files to now, if the lock file looks old. */
  static void touch(Path dataDir) {
    try {
      if (isOld(view(dataDir.resolve(LockFile.NAME)).readAttributes())) {
        touchAll(dataDir);
      }
    } catch (IOException e) {
      LOG.warn("the files in {} cannot be touched: {}", dataDir, e.toString());
    }
  }

  private static void touchAll(Path dataDir) throws IOException {
    try (var files = Files.newDirectoryStream(dataDir, "lwshm.*")) {
      for (Path file : files) {
        // An unfinished lock file is told by its age from one that somebody makes now.
        if (!UnfinishedLockFile.isOne(file)) {
          touchOne(file);
        }
      }
    }
  }

  /** One that cannot be touched, since another user has put it there, keeps no other from it. */
  private static void touchOne(Path file) {
    FileTime now = FileTime.from(Instant.now());
    try {
      if (view(file).readAttributes().isRegularFile()) {
        view(file).setTimes(now, now, null);
      }
    } catch (NoSuchFileException e) {
      // A child's, which has ended.
    } catch (IOException e) {
      LOG.warn("file {} cannot be touched: {}", file, e.toString());
    }
  }

  private static BasicFileAttributeView view(Path file) {
    return Files.getFileAttributeView(
        file, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean isOld(BasicFileAttributes attributes) {
    return isOld(attributes.lastModifiedTime()) || isOld(attributes.lastAccessTime());
  }

  /** Also one of the future: the clock was set back. */
  private static boolean isOld(FileTime time) {
    return Duration.between(time.toInstant(), Instant.now()).abs().compareTo(OLD) > 0;
  }
}
