// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.lwshm.jni.DeadSegmentNative;
import org.lwshm.jni.Status;

/**
 * A segment whose processes were all killed: lwshm's, of this boot and this user, and no process is
 * attached to it.
 *
 * <p>The next creator in a data directory removes that directory's by itself, and {@link
 * SegmentBuilder#open} adopts it with its data. This is for directories in which nobody will do
 * either.
 *
 * @param id the SysV id, as {@code ipcs -m} shows it
 * @param key the SysV key; 0 for a private one
 * @param size bytes
 * @param generation as {@link Segment#generation} says
 * @param createdAt when it was made
 * @param creatorPid pid of the process that made it
 * @param dataDirInode inode of the data directory, by which {@code find -inum} finds it; 0 for a
 *     private one
 */
public record DeadSegment(
    int id,
    int key,
    long size,
    int generation,
    Instant createdAt,
    int creatorPid,
    long dataDirInode) {

  private static final int FIRST_GUESS = 16;

  /**
   * Finds those of this IPC namespace.
   *
   * @return as of this moment
   */
  public static List<DeadSegment> list() {
    for (int capacity = FIRST_GUESS; ; ) {
      long[] rows = new long[capacity * DeadSegmentNative.ROW_COUNT];
      int count = Status.check(DeadSegmentNative.list(rows));
      if (count <= capacity) {
        List<DeadSegment> dead = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          dead.add(of(rows, i * DeadSegmentNative.ROW_COUNT));
        }
        return List.copyOf(dead);
      }
      capacity = count;
    }
  }

  private static DeadSegment of(long[] rows, int at) {
    long micros = rows[at + DeadSegmentNative.ROW_CREATED_AT];
    return new DeadSegment(
        (int) rows[at + DeadSegmentNative.ROW_SHMID],
        (int) rows[at + DeadSegmentNative.ROW_KEY],
        rows[at + DeadSegmentNative.ROW_SIZE],
        (int) rows[at + DeadSegmentNative.ROW_GENERATION],
        Instant.EPOCH.plusNanos(TimeUnit.MICROSECONDS.toNanos(micros)),
        (int) rows[at + DeadSegmentNative.ROW_CREATOR_PID],
        rows[at + DeadSegmentNative.ROW_DATA_DIR_INO]);
  }

  /**
   * Removes it, if it is dead still.
   *
   * @return false if it is gone, or has come to life
   * @throws SystemCallException if the kernel refuses
   */
  public boolean remove() {
    try {
      Status.check(DeadSegmentNative.remove(id));
      return true;
    } catch (NotFoundException e) {
      return false;
    }
  }
}
