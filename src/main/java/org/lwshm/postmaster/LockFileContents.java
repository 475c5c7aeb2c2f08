// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Locale;
import org.lwshm.internal.PathText;
import org.lwshm.jni.ProcessNative;
import org.lwshm.jni.Status;

/**
 * What stands in a lock file, a line each:
 *
 * <ol>
 *   <li>the postmaster's pid
 *   <li>the data directory
 *   <li>when the postmaster started, in seconds since 1970
 *   <li>the segment's SysV key and id; 0 and -1 while there is none
 *   <li>its status: {@code starting}, {@code ready}, {@code restarting} or {@code stopping}
 *   <li>what tells the postmaster from another process with its pid: its identity, its PID and IPC
 *       namespaces, and the boot's id
 * </ol>
 *
 * <p>Numbers and status are padded, so that the file is as long whatever they are, and rewriting it
 * never shortens it.
 *
 * <p>Source: PostgreSQL's postmaster.pid, src/include/utils/pidfile.h.
 */
record LockFileContents(
    int pid, Path dataDir, long startedAt, int key, int shmid, String status, Owner owner) {

  static final String STARTING = "starting";
  static final String READY = "ready";
  static final String RESTARTING = "restarting";
  static final String STOPPING = "stopping";

  private static final int LINES = 6;
  private static final int MAX_SHOWN = 80;

  /** Who wrote it, in a form that outlives its pid. */
  record Owner(long identity, long pidNamespace, long ipcNamespace, long bootHigh, long bootLow) {

    static Owner self() {
      long[] place = new long[ProcessNative.PLACE_COUNT];
      Status.check(ProcessNative.place(place));
      return new Owner(
          ProcessNative.self(),
          place[ProcessNative.PLACE_PID_NAMESPACE],
          place[ProcessNative.PLACE_IPC_NAMESPACE],
          place[ProcessNative.PLACE_BOOT_ID_HIGH],
          place[ProcessNative.PLACE_BOOT_ID_LOW]);
    }

    /**
     * Takes a line apart.
     *
     * @throws NumberFormatException if it is not as {@link #toString} makes it
     * @throws IndexOutOfBoundsException likewise
     */
    static Owner parse(String line) {
      String[] words = line.strip().split(" ");
      return new Owner(
          Long.parseLong(words[0]),
          Long.parseLong(words[1]),
          Long.parseLong(words[2]),
          Long.parseUnsignedLong(words[3].substring(0, 16), 16),
          Long.parseUnsignedLong(words[3].substring(16), 16));
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%d %d %d %016x%016x",
          identity,
          pidNamespace,
          ipcNamespace,
          bootHigh,
          bootLow);
    }

    /** Whether its identity means the same to this process: same boot, same PID namespace. */
    boolean isOfHere() {
      Owner here = self();
      return pidNamespace == here.pidNamespace && isOfThisBoot(here);
    }

    private boolean isOfThisBoot(Owner here) {
      return bootHigh == here.bootHigh && bootLow == here.bootLow;
    }

    /** Whether it is proven to have ended. */
    boolean isDead() {
      Owner here = self();
      return !isOfThisBoot(here)
          || pidNamespace == here.pidNamespace && ProcessNative.isDead(identity) == 1;
    }

    /** Whether it is known to be alive. */
    boolean isAlive() {
      return isOfHere() && ProcessNative.isDead(identity) == 0;
    }
  }

  static LockFileContents starting(Path dataDir) {
    return new LockFileContents(
        (int) ProcessHandle.current().pid(),
        dataDir,
        Instant.now().getEpochSecond(),
        0,
        -1,
        STARTING,
        Owner.self());
  }

  LockFileContents with(String newStatus) {
    return new LockFileContents(pid, dataDir, startedAt, key, shmid, newStatus, owner);
  }

  LockFileContents withSegment(int newKey, int newShmid) {
    return new LockFileContents(pid, dataDir, startedAt, newKey, newShmid, status, owner);
  }

  byte[] toBytes() {
    return String.format(
            Locale.ROOT,
            "%-10d\n%s\n%-20d\n%11d %11d\n%-10s\n%s\n",
            pid,
            PathText.of(dataDir),
            startedAt,
            key,
            shmid,
            status,
            owner)
        .getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Takes a file's bytes apart.
   *
   * @throws LockFileException if they are not what {@link #toBytes} makes; says which line, and of
   *     which file
   */
  static LockFileContents parse(byte[] bytes, Path file) {
    if (bytes.length == 0) {
      throw damaged(file, "is empty");
    }
    String text = new String(bytes, StandardCharsets.UTF_8);
    String[] lines = text.split("\n", -1);
    if (lines.length < LINES + 1) {
      throw damaged(
          file, "is truncated: it has " + (lines.length - 1) + " whole lines instead of " + LINES);
    }
    int line = 0;
    try {
      int pid = Integer.parseInt(lines[line].strip());
      line++;
      Path dataDir = PathText.toPath(lines[line]);
      line++;
      long startedAt = Long.parseLong(lines[line].strip());
      line++;
      String[] segment = lines[line].strip().split(" +");
      int key = Integer.parseInt(segment[0]);
      int shmid = Integer.parseInt(segment[1]);
      line++;
      String status = lines[line].strip();
      line++;
      LockFileContents contents =
          new LockFileContents(
              pid, dataDir, startedAt, key, shmid, status, Owner.parse(lines[line]));
      if (!new String(contents.toBytes(), StandardCharsets.UTF_8).equals(text)) {
        throw damaged(file, "is damaged: it is not as a postmaster writes it");
      }
      return contents;
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw damaged(
          file, "is damaged: line " + (line + 1) + " is \"" + printable(lines[line]) + "\"");
    }
  }

  /** So much of a line that may be anything as a message can do with. */
  private static String printable(String line) {
    String text = line.replaceAll("\\p{Cntrl}", "?");
    return text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "…";
  }

  private static LockFileException damaged(Path file, String how) {
    return new LockFileException(
        "lock file "
            + file
            + " "
            + how
            + "; if no postmaster runs in that directory, remove the file");
  }
}
