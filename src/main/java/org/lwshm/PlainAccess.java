// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.Objects;
import org.lwshm.jni.RawMemory;

/**
 * Bounds-checked plain access to a range of the segment.
 *
 * <p>Two things are checked before memory is touched: that the segment is attached, and that all
 * bytes lie in the range. The first check is a plain read of a flag. A thread that races with the
 * segment's close may therefore come through, which is harmless: by then private zeros stand where
 * the segment was (see {@link Segment#close()}), so it reads zeros, and what it writes is lost.
 */
abstract class PlainAccess {

  private final Attachment attachment;
  private final String name;
  private final long address;
  private final long size;

  PlainAccess(Attachment attachment, String name, long offset, long size) {
    this.attachment = attachment;
    this.name = name;
    this.address = attachment.base() + offset;
    this.size = size;
  }

  final Attachment attachment() {
    return attachment;
  }

  /** The address of {@code width} bytes at {@code index}, which all lie in the area. */
  final long at(long index, long width) {
    if (attachment.isGone()) {
      throw attachment.closed();
    }
    // No overflow: width is between 0 and Long.MAX_VALUE, and size is not negative.
    if (index < 0 || width < 0 || index > size - width) {
      throw outOfBounds(index, width);
    }
    return address + index;
  }

  /** The same for an access that must be at its natural alignment: {@code width} is 4 or 8. */
  final long aligned(long index, int width) {
    long at = at(index, width);
    if ((at & (width - 1)) != 0) {
      throw new IllegalArgumentException(
          "index "
              + index
              + " of struct \""
              + name
              + "\" is no multiple of "
              + width
              + ", which an ordered or atomic access of "
              + width
              + " bytes needs");
    }
    return at;
  }

  private IndexOutOfBoundsException outOfBounds(long index, long width) {
    return new IndexOutOfBoundsException(
        "index " + index + ", width " + width + ": struct \"" + name + "\" has " + size + " bytes");
  }

  /** {@return the name of the area} */
  public final String name() {
    return name;
  }

  /** {@return the size of the area in bytes, as asked for} */
  public final long size() {
    return size;
  }

  /**
   * Reads a byte.
   *
   * @param index byte index from the start of the area
   * @return the value
   */
  public final byte getByte(long index) {
    return RawMemory.getByte(at(index, 1));
  }

  /**
   * Writes a byte.
   *
   * @param index byte index from the start of the area
   * @param value what to write
   */
  public final void putByte(long index, byte value) {
    RawMemory.putByte(at(index, 1), value);
  }

  /**
   * Reads an int.
   *
   * @param index byte index from the start of the area, any alignment
   * @return the value
   */
  public final int getInt(long index) {
    return RawMemory.getInt(at(index, 4));
  }

  /**
   * Writes an int.
   *
   * @param index byte index from the start of the area, any alignment
   * @param value what to write
   */
  public final void putInt(long index, int value) {
    RawMemory.putInt(at(index, 4), value);
  }

  /**
   * Reads a long.
   *
   * @param index byte index from the start of the area, any alignment
   * @return the value
   */
  public final long getLong(long index) {
    return RawMemory.getLong(at(index, 8));
  }

  /**
   * Writes a long.
   *
   * @param index byte index from the start of the area, any alignment
   * @param value what to write
   */
  public final void putLong(long index, long value) {
    RawMemory.putLong(at(index, 8), value);
  }

  /**
   * Reads a float.
   *
   * @param index byte index from the start of the area, any alignment
   * @return the value
   */
  public final float getFloat(long index) {
    return Float.intBitsToFloat(RawMemory.getInt(at(index, 4)));
  }

  /**
   * Writes a float.
   *
   * @param index byte index from the start of the area, any alignment
   * @param value what to write
   */
  public final void putFloat(long index, float value) {
    RawMemory.putInt(at(index, 4), Float.floatToRawIntBits(value));
  }

  /**
   * Reads a double.
   *
   * @param index byte index from the start of the area, any alignment
   * @return the value
   */
  public final double getDouble(long index) {
    return Double.longBitsToDouble(RawMemory.getLong(at(index, 8)));
  }

  /**
   * Writes a double.
   *
   * @param index byte index from the start of the area, any alignment
   * @param value what to write
   */
  public final void putDouble(long index, double value) {
    RawMemory.putLong(at(index, 8), Double.doubleToRawLongBits(value));
  }

  /**
   * Copies bytes out of the area.
   *
   * @param index byte index from the start of the area
   * @param target the array to copy to
   * @param offset the first element to write
   * @param length how many bytes
   */
  public final void getBytes(long index, byte[] target, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, target.length);
    RawMemory.getBytes(at(index, length), target, offset, length);
  }

  /**
   * Copies bytes into the area.
   *
   * @param index byte index from the start of the area
   * @param source the array to copy from
   * @param offset the first element to read
   * @param length how many bytes
   */
  public final void putBytes(long index, byte[] source, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, source.length);
    RawMemory.putBytes(at(index, length), source, offset, length);
  }

  /**
   * Fills a part of the area.
   *
   * @param index byte index from the start of the area
   * @param length how many bytes
   * @param value what to write into each
   */
  public final void fill(long index, long length, byte value) {
    RawMemory.setMemory(at(index, length), length, value);
  }
}
