// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A segment as the kernel knows it, from {@code /proc/sysvipc/shm}.
 *
 * @param mode permission bits, and 01000 if it goes with the last one attached
 */
public record SysvSegment(
    int key, int shmid, int mode, long size, int creatorPid, int attached, int uid) {

  /** Those of this IPC namespace. */
  public static List<SysvSegment> all() {
    try {
      return Files.readAllLines(Path.of("/proc/sysvipc/shm")).stream()
          .skip(1)
          .map(line -> line.strip().split("\\s+"))
          .map(
              w ->
                  new SysvSegment(
                      Integer.parseInt(w[0]),
                      Integer.parseInt(w[1]),
                      Integer.parseInt(w[2], 8),
                      Long.parseLong(w[3]),
                      Integer.parseInt(w[4]),
                      Integer.parseInt(w[6]),
                      Integer.parseInt(w[7])))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Optional<SysvSegment> of(long shmid) {
    return all().stream().filter(s -> s.shmid == shmid).findFirst();
  }

  /** Where a process has mapped a segment. */
  public static List<Long> addresses(long pid, long shmid) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + pid + "/maps")).stream()
        .map(line -> line.strip().split("\\s+"))
        .filter(w -> w.length > 5 && w[5].startsWith("/SYSV") && w[4].equals(Long.toString(shmid)))
        .map(w -> Long.parseUnsignedLong(w[0].substring(0, w[0].indexOf('-')), 16))
        .toList();
  }

  void remove() throws IOException, InterruptedException {
    new ProcessBuilder("ipcrm", "-m", Integer.toString(shmid)).inheritIO().start().waitFor();
  }
}
