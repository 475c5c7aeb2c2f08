// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.lwshm.jni.ProcessNative;

/** A lock file before it has its name: what it is called, and what becomes of one that is left. */
final class UnfinishedLockFile {

  private static final String SUFFIX = ".new";
  private static final Pattern NAME =
      Pattern.compile("lwshm\\.pid\\.([0-9]{1,18})-([0-9a-f]{1,16})\\.new");

  /** Nobody takes so long to make one. */
  private static final Duration LONG_AGO = Duration.ofHours(1);

  private UnfinishedLockFile() {}

  /** Nobody else's, also if he has our pid and start time in another container. */
  static Path path(Path dataDir, LockFileContents.Owner owner) {
    String namespace = Long.toHexString(owner.pidNamespace());
    return dataDir.resolve(LockFile.NAME + "." + owner.identity() + "-" + namespace + SUFFIX);
  }

  static boolean isOne(Path file) {
    return NAME.matcher(file.getFileName().toString()).matches();
  }

  /** Removes what somebody left who was killed while he made one. */
  static void removeLeft(Path dataDir) throws IOException {
    try (var files = Files.newDirectoryStream(dataDir, LockFile.NAME + ".*" + SUFFIX)) {
      for (Path file : files) {
        Matcher name = NAME.matcher(file.getFileName().toString());
        if (name.matches() && isLeft(file, Long.parseLong(name.group(1)), name.group(2))) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  /** An identity says nothing in another PID namespace; a file's age does. */
  private static boolean isLeft(Path file, long identity, String pidNamespace) throws IOException {
    long here = LockFileContents.Owner.self().pidNamespace();
    if (pidNamespace.equals(Long.toHexString(here))) {
      return ProcessNative.isDead(identity) == 1;
    }
    try {
      FileTime made = Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS);
      return made.toInstant().isBefore(Instant.now().minus(LONG_AGO));
    } catch (NoSuchFileException e) {
      return false;
    }
  }
}
