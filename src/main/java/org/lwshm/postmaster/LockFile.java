// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.lwshm.DataDirectoryException;
import org.lwshm.NotFoundException;
import org.lwshm.SegmentInUseException;
import org.lwshm.SystemCallException;
import org.lwshm.internal.Log;
import org.lwshm.internal.PathText;
import org.lwshm.jni.ProcessNative;
import org.lwshm.jni.Status;

/**
 * The lock file of a data directory: who has it is its postmaster, and what stands in it says who
 * that is.
 *
 * <p>Two things keep a second one out. The file is there: it is made under another name, whole and
 * synced, and linked to its own, which fails if there is one. And the kernel's lock on it ends with
 * the process that has it, so a file whose lock is free is of the past, unless the very process
 * that stands in it is alive: that tells containers apart whose pids are equal. The file is locked
 * before it is linked, so it is never seen unlocked or unfinished while its owner lives.
 *
 * <p>Source: PostgreSQL's CreateLockFile, src/backend/utils/init/miscinit.c; the kernel's lock is
 * lwshm's own.
 */
final class LockFile {

  /** Its name in the data directory. */
  static final String NAME = "lwshm.pid";

  private static final Log LOG = Log.of(LockFile.class);
  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(5);

  /** With an owner in another PID namespace, whose death nobody can prove here. */
  private static final long PATIENCE_ABROAD_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private static final long LOOK_AGAIN_NS = TimeUnit.MILLISECONDS.toNanos(5);

  /** Most bytes that are looked at: a lock file has one path and a few numbers in it. */
  private static final int MAX_BYTES = 8192;

  /** {@link #tryLock}: there is no file. */
  private static final int GONE = -1;

  /** {@link #tryLock}: it is locked, perhaps not for long. */
  private static final int HELD = -2;

  private final Path path;
  private final int lock;

  /** Of the file itself, whatever stands at its path. */
  private final FileChannel channel;

  private LockFileContents contents;
  private boolean released;

  private LockFile(Path path, int lock, FileChannel channel, LockFileContents contents) {
    this.path = path;
    this.lock = lock;
    this.channel = channel;
    this.contents = contents;
  }

  /**
   * Takes the data directory's lock file.
   *
   * @throws SegmentInUseException if a postmaster has it, with its pid
   * @throws LockFileException if there is one that is of no use
   */
  static LockFile take(Path dataDir) {
    Path path = dataDir.resolve(NAME);
    long begin = System.nanoTime();
    try {
      UnfinishedLockFile.removeLeft(dataDir);
      while (true) {
        long waited = System.nanoTime() - begin;
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && !takeAway(path, waited)) {
          LockSupport.parkNanos(LOOK_AGAIN_NS);
          continue;
        }
        LockFile made = make(dataDir, path);
        if (made != null) {
          return made;
        }
      }
    } catch (IOException e) {
      throw new DataDirectoryException("lock file " + path + " cannot be made: " + e);
    }
  }

  /**
   * Removes the lock file of a dead postmaster; false if it is too early to say.
   *
   * @throws SegmentInUseException if its owner lives, or seems to
   */
  private static boolean takeAway(Path path, long waited) throws IOException {
    int old = tryLock(path, waited);
    if (old < 0) {
      return old == GONE;
    }
    try {
      if (Status.check(ProcessNative.isLockAt(old, bytes(path))) == 0) {
        return false;
      }
      LockFileContents of = read(path);
      if (of.owner().isAlive()) {
        // Not the file that it has locked: it was copied, or restored.
        throw inUse(path, of);
      }
      LOG.info("removing lock file {} of postmaster {}, which is dead", path, of.pid());
      Files.delete(path);
      return true;
    } finally {
      Status.check(ProcessNative.unlockFile(old));
    }
  }

  private static int tryLock(Path path, long waited) throws IOException {
    if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
      if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        return GONE;
      }
      throw notRegular(path);
    }
    requireOwn(path);
    try {
      return Status.check(ProcessNative.lockFile(bytes(path)));
    } catch (NotFoundException e) {
      return GONE;
    } catch (SegmentInUseException e) {
      LockFileContents of = readOrNull(path);
      if (waited < patience(of)) {
        return HELD;
      }
      throw of == null ? e : inUse(path, of);
    } catch (SystemCallException e) {
      throw new LockFileException(
          "lock file " + path + " cannot be opened: " + e.getMessage() + "; mend its permissions");
    }
  }

  /**
   * How long a lock that is held may be one of an owner that was killed just now, or of somebody
   * who looks whether it has been.
   */
  private static long patience(LockFileContents of) {
    if (of == null || of.owner().isDead()) {
      return PATIENCE_NS;
    }
    return of.owner().isOfHere() ? 0 : PATIENCE_ABROAD_NS;
  }

  private static LockFileException notRegular(Path path) {
    return new LockFileException(path + " is no regular file, so no lock file; remove it");
  }

  private static void requireOwn(Path path) throws IOException {
    Object owner;
    Object here;
    try {
      owner = Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      here = Files.getAttribute(path.getParent(), "unix:uid");
    } catch (NoSuchFileException e) {
      return;
    }
    if (!owner.equals(here)) {
      throw new LockFileException(
          "lock file "
              + path
              + " belongs to user "
              + owner
              + ", the data directory to user "
              + here
              + "; see who made it, and remove it if no postmaster runs there");
    }
  }

  private static SegmentInUseException inUse(Path path, LockFileContents of) {
    return new SegmentInUseException(
        "data directory \""
            + path.getParent()
            + "\" has a postmaster already, process "
            + of.pid()
            + (of.owner().isOfHere() ? "" : " (of another PID namespace)")
            + "; stop that one, or use another directory (lock file "
            + path
            + ")",
        List.of(of.pid()));
  }

  /** Makes the file; null if another process was quicker. */
  private static LockFile make(Path dataDir, Path path) throws IOException {
    LockFileContents contents = LockFileContents.starting(dataDir);
    Path unfinished = UnfinishedLockFile.path(dataDir, contents.owner());
    Files.deleteIfExists(unfinished);
    Files.createFile(
        unfinished,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    FileChannel channel =
        FileChannel.open(unfinished, StandardOpenOption.READ, StandardOpenOption.WRITE);
    int lock = -1;
    boolean taken = false;
    try {
      write(channel, contents);
      lock = Status.check(ProcessNative.lockFile(bytes(unfinished)));
      Files.createLink(path, unfinished);
      sync(dataDir);
      taken = true;
      return new LockFile(path, lock, channel, contents);
    } catch (FileAlreadyExistsException e) {
      return null;
    } finally {
      Files.deleteIfExists(unfinished);
      if (!taken) {
        giveBack(lock, channel);
      }
    }
  }

  private static void giveBack(int lock, FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.warn("a lock file cannot be closed", e);
    }
    if (lock >= 0) {
      Status.check(ProcessNative.unlockFile(lock));
    }
  }

  /** One write, and synced; the file is never shorter than before. */
  private static void write(FileChannel channel, LockFileContents contents) throws IOException {
    byte[] bytes = contents.toBytes();
    if (channel.write(ByteBuffer.wrap(bytes), 0) < bytes.length) {
      throw new IOException("it was not written whole; is the disk full?");
    }
    channel.force(true);
  }

  private static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /**
   * Reads a lock file.
   *
   * @throws LockFileException if it is damaged or cannot be read
   * @throws NoSuchFileException if there is none
   */
  static LockFileContents read(Path path) throws NoSuchFileException {
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)
        && !Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
      throw notRegular(path); // opening a pipe would wait for its writer
    }
    try (FileChannel channel =
        FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      return parse(channel, path);
    } catch (NoSuchFileException e) {
      throw e;
    } catch (IOException e) {
      throw new LockFileException("lock file " + path + " cannot be read: " + e);
    }
  }

  private static LockFileContents parse(FileChannel channel, Path path) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(MAX_BYTES);
    channel.read(buffer, 0);
    byte[] bytes = new byte[buffer.flip().remaining()];
    buffer.get(bytes);
    return LockFileContents.parse(bytes, path);
  }

  private static LockFileContents readOrNull(Path path) {
    try {
      return read(path);
    } catch (NoSuchFileException | LockFileException e) {
      return null;
    }
  }

  /** What stands in a data directory's lock file, and whether its owner lives. */
  record Found(LockFileContents contents, boolean isHeld) {}

  /**
   * Looks at a data directory's lock file.
   *
   * @throws LockFileException if it is of no use
   */
  static Optional<Found> find(Path dataDir) {
    Path path = dataDir.resolve(NAME);
    try {
      LockFileContents contents = read(path);
      boolean held = !contents.owner().isDead() && isLocked(path, contents.owner());
      return Optional.of(new Found(contents, held));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /**
   * Whether the kernel says so: an owner's pid says nothing of a copy of his file, nor in another
   * PID namespace. Whose file it is that we may only read, his pid must do.
   */
  private static boolean isLocked(Path path, LockFileContents.Owner owner) {
    try {
      Status.check(ProcessNative.unlockFile(Status.check(ProcessNative.lockFile(bytes(path)))));
      return false;
    } catch (SegmentInUseException e) {
      return true;
    } catch (NotFoundException e) {
      return false;
    } catch (SystemCallException e) {
      return owner.isAlive();
    }
  }

  private static byte[] bytes(Path path) {
    return PathText.of(path).getBytes(StandardCharsets.UTF_8);
  }

  /** Says of the segment and the state of the postmaster what is so now. */
  synchronized void update(LockFileContents now) {
    if (released) {
      return;
    }
    contents = now;
    try {
      write(channel, now);
    } catch (IOException e) {
      LOG.error("lock file {} cannot be rewritten", path, e);
    }
  }

  synchronized LockFileContents contents() {
    return contents;
  }

  /**
   * Whether the file is still there, is this one, and says so. What cannot be told just now does
   * not count: nothing is known to be wrong.
   */
  synchronized boolean isValid() {
    return !released && ProcessNative.isLockAt(lock, bytes(path)) != 0 && namesUs();
  }

  private boolean namesUs() {
    try {
      return parse(channel, path).owner().equals(contents.owner());
    } catch (LockFileException e) {
      return false;
    } catch (IOException e) {
      LOG.warn("lock file {} cannot be read again", path, e);
      return true;
    }
  }

  Path path() {
    return path;
  }

  /** Removes the file if it is still this one, and gives the lock back. Once. */
  synchronized void release() {
    if (released) {
      return;
    }
    released = true;
    try {
      // Whatever stands in it.
      if (ProcessNative.isLockAt(lock, bytes(path)) == 1) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      LOG.error("lock file {} cannot be removed", path, e);
    } finally {
      giveBack(lock, channel);
    }
  }
}
