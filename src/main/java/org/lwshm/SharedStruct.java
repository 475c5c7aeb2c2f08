// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.lwshm.jni.ShmemNative;

/**
 * A named area of a segment.
 *
 * <p>It starts on a cache line of its own and never moves. Indexes are in bytes from its start, as
 * longs, so areas of more than 2 GiB work. Values have the machine's byte order (little-endian on
 * x86_64 and aarch64), the same as in C.
 *
 * <p>Any thread. Plain access works at any index and promises nothing to other threads; two parties
 * that use the same bytes need a lock ({@link LWLock}), or ordered access ({@code ...Acquire},
 * {@code ...Release}, {@code ...Volatile}, {@code compareAndSet...}, {@code getAndAdd...}, {@code
 * getAndSet...}), whose index must be a multiple of the value's width.
 *
 * <p>Every access throws
 *
 * <ul>
 *   <li>{@link IndexOutOfBoundsException} if not all of its bytes lie in the area,
 *   <li>{@link IllegalArgumentException} if it is ordered and its index is not aligned,
 *   <li>{@link IllegalStateException} once the segment is closed.
 * </ul>
 *
 * <p>Source: PostgreSQL's {@code ShmemInitStruct}, src/backend/storage/ipc/shmem.c.
 */
public final class SharedStruct extends FloatingAccess {

  private final long offset;
  private final boolean found;

  SharedStruct(Attachment attachment, String name, long offset, long size, boolean found) {
    super(attachment, name, offset, size);
    this.offset = offset;
    this.found = found;
  }

  /** {@return the area's offset in the segment, in bytes: the same in every process} */
  public long offset() {
    return offset;
  }

  /**
   * Whether the area was there already. Whoever made it, and hears false, initialises it.
   *
   * @return false if the call that returned this object made the area
   */
  public boolean isFound() {
    return found;
  }

  /**
   * A part of this area, with indexes of its own.
   *
   * @param index byte index of the part's first byte
   * @param length bytes
   * @return the part, which has this area's name
   */
  public SharedStruct slice(long index, long length) {
    at(index, length);
    return new SharedStruct(attachment(), name(), offset + index, length, found);
  }

  /**
   * A part of this area as a direct buffer in the machine's byte order.
   *
   * <p>The buffer may outlive the segment: after {@link Segment#close()} it reads zeros, and what
   * is written to it is lost.
   *
   * @param index byte index of the part's first byte
   * @param length bytes
   * @return a new buffer, its position 0 and its limit {@code length}
   */
  public ByteBuffer byteBuffer(long index, int length) {
    at(index, length);
    ByteBuffer buffer =
        attachment().get(handle -> ShmemNative.byteBuffer(handle, offset + index, length));
    return buffer.order(ByteOrder.nativeOrder());
  }

  @Override
  public String toString() {
    return "struct \"" + name() + "\", " + size() + " bytes at offset " + offset;
  }
}
