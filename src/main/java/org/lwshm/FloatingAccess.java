// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * Ordered and atomic access to floats and doubles of a range of the segment, at their natural
 * alignment. They are kept as their raw bits, NaNs included.
 */
abstract class FloatingAccess extends AtomicAccess {

  FloatingAccess(Attachment attachment, String name, long offset, long size) {
    super(attachment, name, offset, size);
  }

  /**
   * Reads a float; what follows is not seen before it.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @return the value
   */
  public final float getFloatAcquire(long index) {
    return Float.intBitsToFloat(getIntAcquire(index));
  }

  /**
   * Writes a float; what precedes is seen before it.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param value what to write
   */
  public final void putFloatRelease(long index, float value) {
    putIntRelease(index, Float.floatToRawIntBits(value));
  }

  /**
   * Reads a float as if it were volatile.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @return the value
   */
  public final float getFloatVolatile(long index) {
    return Float.intBitsToFloat(getIntVolatile(index));
  }

  /**
   * Writes a float as if it were volatile.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param value what to write
   */
  public final void putFloatVolatile(long index, float value) {
    putIntVolatile(index, Float.floatToRawIntBits(value));
  }

  /**
   * Writes a float if the expected one stands there, bit for bit: 0.0 and -0.0 differ.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param expected the value that must stand there
   * @param value what to write
   * @return whether it was written
   */
  public final boolean compareAndSetFloat(long index, float expected, float value) {
    return compareAndSetInt(
        index, Float.floatToRawIntBits(expected), Float.floatToRawIntBits(value));
  }

  /**
   * Adds to a float, atomically.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param delta what to add
   * @return the value before
   */
  public final float getAndAddFloat(long index, float delta) {
    float before;
    do {
      before = getFloatVolatile(index);
    } while (!compareAndSetFloat(index, before, before + delta));
    return before;
  }

  /**
   * Exchanges a float, atomically.
   *
   * @param index byte index from the start of the area, a multiple of 4
   * @param value what to write
   * @return the value before
   */
  public final float getAndSetFloat(long index, float value) {
    return Float.intBitsToFloat(getAndSetInt(index, Float.floatToRawIntBits(value)));
  }

  /**
   * Reads a double; what follows is not seen before it.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @return the value
   */
  public final double getDoubleAcquire(long index) {
    return Double.longBitsToDouble(getLongAcquire(index));
  }

  /**
   * Writes a double; what precedes is seen before it.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param value what to write
   */
  public final void putDoubleRelease(long index, double value) {
    putLongRelease(index, Double.doubleToRawLongBits(value));
  }

  /**
   * Reads a double as if it were volatile.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @return the value
   */
  public final double getDoubleVolatile(long index) {
    return Double.longBitsToDouble(getLongVolatile(index));
  }

  /**
   * Writes a double as if it were volatile.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param value what to write
   */
  public final void putDoubleVolatile(long index, double value) {
    putLongVolatile(index, Double.doubleToRawLongBits(value));
  }

  /**
   * Writes a double if the expected one stands there, bit for bit: 0.0 and -0.0 differ.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param expected the value that must stand there
   * @param value what to write
   * @return whether it was written
   */
  public final boolean compareAndSetDouble(long index, double expected, double value) {
    return compareAndSetLong(
        index, Double.doubleToRawLongBits(expected), Double.doubleToRawLongBits(value));
  }

  /**
   * Adds to a double, atomically.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param delta what to add
   * @return the value before
   */
  public final double getAndAddDouble(long index, double delta) {
    double before;
    do {
      before = getDoubleVolatile(index);
    } while (!compareAndSetDouble(index, before, before + delta));
    return before;
  }

  /**
   * Exchanges a double, atomically.
   *
   * @param index byte index from the start of the area, a multiple of 8
   * @param value what to write
   * @return the value before
   */
  public final double getAndSetDouble(long index, double value) {
    return Double.longBitsToDouble(getAndSetLong(index, Double.doubleToRawLongBits(value)));
  }
}
