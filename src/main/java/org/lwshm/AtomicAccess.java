// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import org.lwshm.jni.RawMemory;

/**
 * Ordered and atomic access to ints and longs of a range of the segment, at their natural
 * alignment.
 *
 * <p>Volatile access and the read-modify-writes are sequentially consistent, with Java threads of
 * other processes and with C's {@code seq_cst} atomics alike.
 */
abstract class AtomicAccess extends PlainAccess {

  AtomicAccess(Attachment attachment, String name, long offset, long size) {
    super(attachment, name, offset, size);
  }

  /**
   * Reads an int; what follows is not seen before it.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @return the value
   */
  public final int getIntAcquire(long index) {
    return RawMemory.getIntAcquire(aligned(index, 4));
  }

  /**
   * Writes an int; what precedes is seen before it.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param value what to write
   */
  public final void putIntRelease(long index, int value) {
    RawMemory.putIntRelease(aligned(index, 4), value);
  }

  /**
   * Reads an int as if it were volatile.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @return the value
   */
  public final int getIntVolatile(long index) {
    return RawMemory.getIntVolatile(aligned(index, 4));
  }

  /**
   * Writes an int as if it were volatile.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param value what to write
   */
  public final void putIntVolatile(long index, int value) {
    RawMemory.putIntVolatile(aligned(index, 4), value);
  }

  /**
   * Writes an int if the expected value stands there.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param expected the value that must stand there
   * @param value what to write
   * @return whether it was written
   */
  public final boolean compareAndSetInt(long index, int expected, int value) {
    return RawMemory.compareAndSetInt(aligned(index, 4), expected, value);
  }

  /**
   * Adds to an int, atomically.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param delta what to add
   * @return the value before
   */
  public final int getAndAddInt(long index, int delta) {
    return RawMemory.getAndAddInt(aligned(index, 4), delta);
  }

  /**
   * Exchanges an int, atomically.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param value what to write
   * @return the value before
   */
  public final int getAndSetInt(long index, int value) {
    return RawMemory.getAndSetInt(aligned(index, 4), value);
  }

  /**
   * Reads a long; what follows is not seen before it.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @return the value
   */
  public final long getLongAcquire(long index) {
    return RawMemory.getLongAcquire(aligned(index, 8));
  }

  /**
   * Writes a long; what precedes is seen before it.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param value what to write
   */
  public final void putLongRelease(long index, long value) {
    RawMemory.putLongRelease(aligned(index, 8), value);
  }

  /**
   * Reads a long as if it were volatile.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @return the value
   */
  public final long getLongVolatile(long index) {
    return RawMemory.getLongVolatile(aligned(index, 8));
  }

  /**
   * Writes a long as if it were volatile.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param value what to write
   */
  public final void putLongVolatile(long index, long value) {
    RawMemory.putLongVolatile(aligned(index, 8), value);
  }

  /**
   * Writes a long if the expected value stands there.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param expected the value that must stand there
   * @param value what to write
   * @return whether it was written
   */
  public final boolean compareAndSetLong(long index, long expected, long value) {
    return RawMemory.compareAndSetLong(aligned(index, 8), expected, value);
  }

  /**
   * Adds to a long, atomically.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param delta what to add
   * @return the value before
   */
  public final long getAndAddLong(long index, long delta) {
    return RawMemory.getAndAddLong(aligned(index, 8), delta);
  }

  /**
   * Exchanges a long, atomically.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param value what to write
   * @return the value before
   */
  public final long getAndSetLong(long index, long value) {
    return RawMemory.getAndSetLong(aligned(index, 8), value);
  }
}
