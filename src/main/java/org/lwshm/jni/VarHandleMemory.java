// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Absolute addresses through {@code java.lang.foreign}, which is final since Java 22: a memory
 * segment over the whole address space, bound into the VarHandle of a value layout.
 *
 * <p>All of it is looked up by name, because the classes are compiled for Java 17. The handles
 * stand in {@code static final} fields, so the JIT compiles an access to the bare instruction.
 * Every call is exactly typed ({@code (long) LONG.get(alignedLong(address))}), or it would be slow.
 */
final class VarHandleMemory {

  private static final Class<?> SEGMENT = type("java.lang.foreign.MemorySegment");
  private static final Class<?> LAYOUT = type("java.lang.foreign.ValueLayout");

  /** The whole address space. */
  private static final Object EVERYTHING = everything();

  private static final VarHandle BYTE = handle("JAVA_BYTE");
  private static final VarHandle INT = handle("JAVA_INT");
  private static final VarHandle LONG = handle("JAVA_LONG");

  // Plain access only, at any alignment.
  private static final VarHandle ANY_INT = handle("JAVA_INT_UNALIGNED");
  private static final VarHandle ANY_LONG = handle("JAVA_LONG_UNALIGNED");

  /** (long address, Object array, int index, int length): memory to array. */
  private static final MethodHandle GET_BYTES = getBytes();

  /** (Object array, int index, long address, int length): array to memory. */
  private static final MethodHandle PUT_BYTES = putBytes();

  /** (long address, long bytes, byte value). */
  private static final MethodHandle FILL = fill();

  private VarHandleMemory() {}

  // What the JIT can prove it need not check: with these masks the address is seen to be below
  // Long.MAX_VALUE, and aligned, so that nothing is left of an access but its instruction.  No
  // address of a user's memory has one of the upper bits (x86_64: 47 or 56 bits, aarch64: 52).

  private static final long ADDRESS_BITS = (1L << 56) - 1;

  private static long any(long address) {
    return address & ADDRESS_BITS;
  }

  private static long alignedInt(long address) {
    return address & ADDRESS_BITS & -Integer.BYTES;
  }

  private static long alignedLong(long address) {
    return address & ADDRESS_BITS & -Long.BYTES;
  }

  static byte getByte(long address) {
    return (byte) BYTE.get(any(address));
  }

  static void putByte(long address, byte value) {
    BYTE.set(any(address), value);
  }

  static int getInt(long address) {
    return (int) ANY_INT.get(any(address));
  }

  static void putInt(long address, int value) {
    ANY_INT.set(any(address), value);
  }

  static long getLong(long address) {
    return (long) ANY_LONG.get(any(address));
  }

  static long getAlignedLong(long address) {
    return (long) LONG.get(alignedLong(address));
  }

  static void putLong(long address, long value) {
    ANY_LONG.set(any(address), value);
  }

  static int getIntAcquire(long address) {
    return (int) INT.getAcquire(alignedInt(address));
  }

  static long getLongAcquire(long address) {
    return (long) LONG.getAcquire(alignedLong(address));
  }

  static int getIntVolatile(long address) {
    return (int) INT.getVolatile(alignedInt(address));
  }

  static long getLongVolatile(long address) {
    return (long) LONG.getVolatile(alignedLong(address));
  }

  static void putIntVolatile(long address, int value) {
    INT.setVolatile(alignedInt(address), value);
  }

  static void putLongVolatile(long address, long value) {
    LONG.setVolatile(alignedLong(address), value);
  }

  static void putIntRelease(long address, int value) {
    INT.setRelease(alignedInt(address), value);
  }

  static void putLongRelease(long address, long value) {
    LONG.setRelease(alignedLong(address), value);
  }

  static boolean compareAndSetInt(long address, int expected, int value) {
    return INT.compareAndSet(alignedInt(address), expected, value);
  }

  static boolean compareAndSetLong(long address, long expected, long value) {
    return LONG.compareAndSet(alignedLong(address), expected, value);
  }

  static int getAndAddInt(long address, int delta) {
    return (int) INT.getAndAdd(alignedInt(address), delta);
  }

  static long getAndAddLong(long address, long delta) {
    return (long) LONG.getAndAdd(alignedLong(address), delta);
  }

  static int getAndSetInt(long address, int value) {
    return (int) INT.getAndSet(alignedInt(address), value);
  }

  static long getAndSetLong(long address, long value) {
    return (long) LONG.getAndSet(alignedLong(address), value);
  }

  static void getBytes(long address, byte[] target, int offset, int length) {
    try {
      GET_BYTES.invokeExact(address, (Object) target, offset, length);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static void putBytes(long address, byte[] source, int offset, int length) {
    try {
      PUT_BYTES.invokeExact((Object) source, offset, address, length);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static void setMemory(long address, long bytes, byte value) {
    try {
      FILL.invokeExact(address, bytes, value);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static Class<?> type(String name) {
    try {
      return Class.forName(name);
    } catch (ClassNotFoundException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static Object everything() {
    try {
      MethodHandle reinterpret =
          MethodHandles.lookup()
              .findVirtual(SEGMENT, "reinterpret", MethodType.methodType(SEGMENT, long.class));
      return reinterpret.invoke(SEGMENT.getField("NULL").get(null), Long.MAX_VALUE);
    } catch (Throwable e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static Object layout(String name) throws ReflectiveOperationException {
    Object layout = LAYOUT.getField(name).get(null);
    // The constants' order is the machine's already; saying so costs nothing and survives a change.
    return LAYOUT.getMethod("withOrder", ByteOrder.class).invoke(layout, ByteOrder.nativeOrder());
  }

  private static VarHandle handle(String name) {
    try {
      VarHandle handle = (VarHandle) LAYOUT.getMethod("varHandle").invoke(layout(name));
      VarHandle bound =
          (VarHandle)
              MethodHandles.class
                  .getMethod("insertCoordinates", VarHandle.class, int.class, Object[].class)
                  .invoke(null, handle, 0, new Object[] {EVERYTHING});
      return bound.withInvokeExactBehavior();
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Either direction of {@code MemorySegment.copy} between a segment and an array. */
  private static MethodHandle copy(Class<?>... parameters) throws ReflectiveOperationException {
    return MethodHandles.lookup()
        .findStatic(SEGMENT, "copy", MethodType.methodType(void.class, parameters));
  }

  private static MethodHandle getBytes() {
    try {
      MethodHandle copy = copy(SEGMENT, LAYOUT, long.class, Object.class, int.class, int.class);
      return MethodHandles.insertArguments(copy, 0, EVERYTHING, layout("JAVA_BYTE"));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static MethodHandle putBytes() {
    try {
      MethodHandle copy = copy(Object.class, int.class, SEGMENT, LAYOUT, long.class, int.class);
      return MethodHandles.insertArguments(copy, 2, EVERYTHING, layout("JAVA_BYTE"));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static MethodHandle fill() {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      MethodHandle slice =
          lookup
              .findVirtual(
                  SEGMENT, "asSlice", MethodType.methodType(SEGMENT, long.class, long.class))
              .bindTo(EVERYTHING);
      MethodHandle fill =
          lookup.findVirtual(SEGMENT, "fill", MethodType.methodType(SEGMENT, byte.class));
      return MethodHandles.collectArguments(fill, 0, slice)
          .asType(MethodType.methodType(void.class, long.class, long.class, byte.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static RuntimeException unexpected(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException exception ? exception : new IllegalStateException(e);
  }
}
