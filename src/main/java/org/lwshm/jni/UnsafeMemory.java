// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import java.lang.reflect.Field;
import sun.misc.Unsafe;

/** Absolute addresses through {@code sun.misc.Unsafe}: what is fastest before Java 22. */
@SuppressWarnings({"removal", "deprecation"})
final class UnsafeMemory {

  private static final Unsafe UNSAFE = unsafe();

  private UnsafeMemory() {}

  private static Unsafe unsafe() {
    try {
      Field field = Unsafe.class.getDeclaredField("theUnsafe");
      field.setAccessible(true);
      return (Unsafe) field.get(null);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  static byte getByte(long address) {
    return UNSAFE.getByte(address);
  }

  static void putByte(long address, byte value) {
    UNSAFE.putByte(address, value);
  }

  static int getInt(long address) {
    return UNSAFE.getInt(address);
  }

  static void putInt(long address, int value) {
    UNSAFE.putInt(address, value);
  }

  static long getLong(long address) {
    return UNSAFE.getLong(address);
  }

  static void putLong(long address, long value) {
    UNSAFE.putLong(address, value);
  }

  // sun.misc.Unsafe has no acquire load: the volatile one is the weakest that orders.
  static int getIntVolatile(long address) {
    return UNSAFE.getIntVolatile(null, address);
  }

  static long getLongVolatile(long address) {
    return UNSAFE.getLongVolatile(null, address);
  }

  static void putIntVolatile(long address, int value) {
    UNSAFE.putIntVolatile(null, address, value);
  }

  static void putLongVolatile(long address, long value) {
    UNSAFE.putLongVolatile(null, address, value);
  }

  static void putIntRelease(long address, int value) {
    UNSAFE.putOrderedInt(null, address, value);
  }

  static void putLongRelease(long address, long value) {
    UNSAFE.putOrderedLong(null, address, value);
  }

  static boolean compareAndSetInt(long address, int expected, int value) {
    return UNSAFE.compareAndSwapInt(null, address, expected, value);
  }

  static boolean compareAndSetLong(long address, long expected, long value) {
    return UNSAFE.compareAndSwapLong(null, address, expected, value);
  }

  static int getAndAddInt(long address, int delta) {
    return UNSAFE.getAndAddInt(null, address, delta);
  }

  static long getAndAddLong(long address, long delta) {
    return UNSAFE.getAndAddLong(null, address, delta);
  }

  static int getAndSetInt(long address, int value) {
    return UNSAFE.getAndSetInt(null, address, value);
  }

  static long getAndSetLong(long address, long value) {
    return UNSAFE.getAndSetLong(null, address, value);
  }

  static void getBytes(long address, byte[] target, int offset, int length) {
    UNSAFE.copyMemory(null, address, target, Unsafe.ARRAY_BYTE_BASE_OFFSET + offset, length);
  }

  static void putBytes(long address, byte[] source, int offset, int length) {
    UNSAFE.copyMemory(source, Unsafe.ARRAY_BYTE_BASE_OFFSET + offset, null, address, length);
  }

  static void setMemory(long address, long bytes, byte value) {
    UNSAFE.setMemory(address, bytes, value);
  }
}
