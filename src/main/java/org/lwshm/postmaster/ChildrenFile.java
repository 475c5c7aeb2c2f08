// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.lwshm.DataDirectoryException;
import org.lwshm.internal.Log;
import org.lwshm.jni.ChildNative;
import org.lwshm.jni.ProcessNative;

/**
 * The file in the data directory that says who the postmaster's children are and how they stand.
 *
 * <p>Each line has {@value #LINE} bytes, padding and newline included:
 *
 * <pre>
 * the postmaster, as the lock file's last line names it
 * IDENTITY FAILURES NEXT-START NAME-NUMBER       a line a place, in the order of their slots
 * </pre>
 *
 * <p>A child writes its identity itself, before it becomes its program, and the postmaster erases
 * it when the child has ended. So what is there after the postmaster was killed are the children
 * that may have survived it: see {@link Survivors}. The rest is for {@link
 * RunningPostmaster#children}. For the postmaster's thread, but for {@link #read}.
 */
final class ChildrenFile {

  /** Its name in the data directory. */
  static final String NAME = "lwshm.children";

  private static final Log LOG = Log.of(ChildrenFile.class);
  private static final int LINE = 128;
  private static final int IDENTITY = ChildNative.NOTE_BYTES;
  private static final int MOST_FAILURES = 999_999;
  private static final String NOBODY = "0".repeat(IDENTITY);

  /** Much more than there can be children. */
  private static final long MAX_BYTES = LINE * (1L << 20);

  private final Path path;
  private final List<String> written = new ArrayList<>();
  private FileChannel channel;
  private Object key;

  /** What a file says. */
  record Contents(LockFileContents.Owner owner, List<Line> lines) {}

  /** What a file says of a place. */
  record Line(long identity, ChildStatus status) {}

  /**
   * Makes the file, in the place of one that is there.
   *
   * @throws DataDirectoryException if that fails
   */
  ChildrenFile(Path dataDir, LockFileContents.Owner owner, List<ChildPlace> places) {
    path = dataDir.resolve(NAME);
    StringBuilder text = new StringBuilder(line(owner.toString()));
    for (ChildPlace place : places) {
      written.add(describe(place));
      text.append(line(NOBODY + describe(place)));
    }
    make(text.toString().getBytes(StandardCharsets.UTF_8));
  }

  private void make(byte[] bytes) {
    try {
      Files.deleteIfExists(path);
      Files.createFile(
          path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
      key = Files.readAttributes(path, BasicFileAttributes.class).fileKey();
      write(bytes, 0);
    } catch (IOException e) {
      throw new DataDirectoryException("file " + path + " cannot be made: " + e);
    }
  }

  /** Padded to its length. */
  private static String line(String text) {
    int padding = LINE - 1 - text.getBytes(StandardCharsets.UTF_8).length;
    return text + " ".repeat(padding) + '\n';
  }

  private static String describe(ChildPlace place) {
    Instant next = place.nextStart();
    return String.format(
        Locale.ROOT,
        " %6d %14d %s",
        Math.min(place.recentFailures(), MOST_FAILURES),
        next == null ? 0 : next.toEpochMilli(),
        place);
  }

  private void write(byte[] bytes, long position) throws IOException {
    if (channel.write(ByteBuffer.wrap(bytes), position) < bytes.length) {
      throw new IOException("it was not written whole; is the disk full?");
    }
  }

  /** The file, made anew if it has been removed. */
  Path path() {
    if (!isAtPath()) {
      LOG.warn("file {} is gone; making it anew", path);
      try {
        make(readAll(channel));
      } catch (IOException e) {
        throw new DataDirectoryException("file " + path + " cannot be made anew: " + e);
      }
    }
    return path;
  }

  private boolean isAtPath() {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
          .fileKey()
          .equals(key);
    } catch (IOException e) {
      return false;
    }
  }

  /** Where the child of a slot writes its identity, in bytes. */
  static long position(int slot) {
    return LINE * (1L + slot);
  }

  /** Says how the places stand now, as far as that has changed. */
  void update(List<ChildPlace> places) {
    for (ChildPlace place : places) {
      String now = describe(place);
      if (!now.equals(written.get(place.slot()))) {
        String rest = line(NOBODY + now).substring(IDENTITY);
        writeOrComplain(rest, position(place.slot()) + IDENTITY);
        written.set(place.slot(), now);
      }
    }
  }

  /** Says that no child is in the place any more. */
  void erase(ChildPlace place) {
    writeOrComplain(NOBODY, position(place.slot()));
  }

  private void writeOrComplain(String text, long position) {
    try {
      write(text.getBytes(StandardCharsets.UTF_8), position);
    } catch (IOException e) {
      LOG.error("file {} cannot be rewritten", path, e);
    }
  }

  /** Removes the file, if it is still this one. */
  void delete() {
    try {
      if (isAtPath()) {
        Files.deleteIfExists(path);
      }
      channel.close();
    } catch (IOException e) {
      LOG.error("file {} cannot be removed", path, e);
    }
  }

  // ---- for other processes ----

  /**
   * What the file of a data directory says; empty if there is none, it makes no sense, or it is not
   * of the directory's owner: processes are killed by what it says.
   */
  static Optional<Contents> read(Path dataDir) {
    Path path = dataDir.resolve(NAME);
    if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    try (FileChannel file =
        FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      Object owner = Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      if (!owner.equals(Files.getAttribute(dataDir, "unix:uid"))) {
        throw new IOException("it belongs to user " + owner);
      }
      byte[] bytes = readAll(file);
      List<Line> lines = new ArrayList<>();
      for (int begin = LINE; begin + LINE <= bytes.length; begin += LINE) {
        lines.add(parse(text(bytes, begin)));
      }
      return Optional.of(new Contents(LockFileContents.Owner.parse(text(bytes, 0)), lines));
    } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException e) {
      LOG.warn("file {} is of no use: {}", path, e.toString());
      return Optional.empty();
    }
  }

  private static byte[] readAll(FileChannel file) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(file.size(), MAX_BYTES));
    long position = 0;
    for (int n = 0; n >= 0 && buffer.hasRemaining(); position += n) {
      n = file.read(buffer, position);
    }
    return Arrays.copyOf(buffer.array(), buffer.position());
  }

  private static String text(byte[] bytes, int begin) {
    return new String(Arrays.copyOfRange(bytes, begin, begin + LINE), StandardCharsets.UTF_8);
  }

  private static Line parse(String line) {
    String[] words = line.strip().split(" +", 4);
    long identity = Long.parseLong(words[0]);
    long next = Long.parseLong(words[2]);
    int dash = words[3].lastIndexOf('-');
    return new Line(
        identity,
        new ChildStatus(
            words[3].substring(0, dash),
            Integer.parseInt(words[3].substring(dash + 1)),
            ProcessNative.pid(identity),
            Integer.parseInt(words[1]),
            next == 0 ? null : Instant.ofEpochMilli(next)));
  }
}
