// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/**
 * Memory at absolute addresses, without a call into native code: by {@code sun.misc.Unsafe} before
 * Java 22, by a VarHandle over the whole address space from 22 on, where Unsafe is on its way out.
 *
 * <p>Nothing is checked: an address that is not mapped crashes the JVM. The callers check. Plain
 * access works at any alignment; acquire, release, volatile and atomic access want the natural one.
 * Volatile loads and stores and the atomics are sequentially consistent, as C's {@code seq_cst}.
 */
public final class RawMemory {

  /** The system property that forces a way, for tests: {@code unsafe} or {@code varhandle}. */
  public static final String MODE_PROPERTY = "org.lwshm.memory";

  /**
   * Whether memory is reached through VarHandles. A constant to the JIT, so a branch on it is free.
   */
  static final boolean VAR_HANDLES =
      useVarHandles(System.getProperty(MODE_PROPERTY), Runtime.version().feature());

  private RawMemory() {}

  /** Which way the value of {@link #MODE_PROPERTY} (or null) and the Java version lead to. */
  static boolean useVarHandles(String mode, int javaVersion) {
    if (mode == null) {
      return javaVersion >= 22;
    }
    return switch (mode) {
      case "unsafe" -> false;
      case "varhandle" -> true;
      default ->
          throw new IllegalArgumentException(
              "system property "
                  + MODE_PROPERTY
                  + " is \""
                  + mode
                  + "\"; it may be \"unsafe\" or \"varhandle\"");
    };
  }

  /**
   * Plain load.
   *
   * @param address where
   * @return the value
   */
  public static byte getByte(long address) {
    return VAR_HANDLES ? VarHandleMemory.getByte(address) : UnsafeMemory.getByte(address);
  }

  /**
   * Plain store.
   *
   * @param address where
   * @param value what
   */
  public static void putByte(long address, byte value) {
    if (VAR_HANDLES) {
      VarHandleMemory.putByte(address, value);
    } else {
      UnsafeMemory.putByte(address, value);
    }
  }

  /**
   * Plain load.
   *
   * @param address where
   * @return the value
   */
  public static int getInt(long address) {
    return VAR_HANDLES ? VarHandleMemory.getInt(address) : UnsafeMemory.getInt(address);
  }

  /**
   * Plain store.
   *
   * @param address where
   * @param value what
   */
  public static void putInt(long address, int value) {
    if (VAR_HANDLES) {
      VarHandleMemory.putInt(address, value);
    } else {
      UnsafeMemory.putInt(address, value);
    }
  }

  /**
   * Load; what follows is not seen before it.
   *
   * @param address where
   * @return the value
   */
  public static int getIntAcquire(long address) {
    return VAR_HANDLES
        ? VarHandleMemory.getIntAcquire(address)
        : UnsafeMemory.getIntVolatile(address);
  }

  /**
   * Store; what precedes is seen before it.
   *
   * @param address where
   * @param value what
   */
  public static void putIntRelease(long address, int value) {
    if (VAR_HANDLES) {
      VarHandleMemory.putIntRelease(address, value);
    } else {
      UnsafeMemory.putIntRelease(address, value);
    }
  }

  /**
   * Sequentially consistent load.
   *
   * @param address where
   * @return the value
   */
  public static int getIntVolatile(long address) {
    return VAR_HANDLES
        ? VarHandleMemory.getIntVolatile(address)
        : UnsafeMemory.getIntVolatile(address);
  }

  /**
   * Sequentially consistent store.
   *
   * @param address where
   * @param value what
   */
  public static void putIntVolatile(long address, int value) {
    if (VAR_HANDLES) {
      VarHandleMemory.putIntVolatile(address, value);
    } else {
      UnsafeMemory.putIntVolatile(address, value);
    }
  }

  /**
   * Stores if the value is the expected one.
   *
   * @param address where
   * @param expected the value that must be there
   * @param value what
   * @return whether it did
   */
  public static boolean compareAndSetInt(long address, int expected, int value) {
    return VAR_HANDLES
        ? VarHandleMemory.compareAndSetInt(address, expected, value)
        : UnsafeMemory.compareAndSetInt(address, expected, value);
  }

  /**
   * Adds.
   *
   * @param address where
   * @param delta what
   * @return the value before
   */
  public static int getAndAddInt(long address, int delta) {
    return VAR_HANDLES
        ? VarHandleMemory.getAndAddInt(address, delta)
        : UnsafeMemory.getAndAddInt(address, delta);
  }

  /**
   * Exchanges.
   *
   * @param address where
   * @param value what
   * @return the value before
   */
  public static int getAndSetInt(long address, int value) {
    return VAR_HANDLES
        ? VarHandleMemory.getAndSetInt(address, value)
        : UnsafeMemory.getAndSetInt(address, value);
  }

  /**
   * Plain load.
   *
   * @param address where
   * @return the value
   */
  public static long getLong(long address) {
    return VAR_HANDLES ? VarHandleMemory.getLong(address) : UnsafeMemory.getLong(address);
  }

  /**
   * Plain load at the natural alignment, a little faster than at any.
   *
   * @param address where
   * @return the value
   */
  public static long getAlignedLong(long address) {
    return VAR_HANDLES ? VarHandleMemory.getAlignedLong(address) : UnsafeMemory.getLong(address);
  }

  /**
   * Plain store.
   *
   * @param address where
   * @param value what
   */
  public static void putLong(long address, long value) {
    if (VAR_HANDLES) {
      VarHandleMemory.putLong(address, value);
    } else {
      UnsafeMemory.putLong(address, value);
    }
  }

  /**
   * Load; what follows is not seen before it.
   *
   * @param address where
   * @return the value
   */
  public static long getLongAcquire(long address) {
    return VAR_HANDLES
        ? VarHandleMemory.getLongAcquire(address)
        : UnsafeMemory.getLongVolatile(address);
  }

  /**
   * Store; what precedes is seen before it.
   *
   * @param address where
   * @param value what
   */
  public static void putLongRelease(long address, long value) {
    if (VAR_HANDLES) {
      VarHandleMemory.putLongRelease(address, value);
    } else {
      UnsafeMemory.putLongRelease(address, value);
    }
  }

  /**
   * Sequentially consistent load.
   *
   * @param address where
   * @return the value
   */
  public static long getLongVolatile(long address) {
    return VAR_HANDLES
        ? VarHandleMemory.getLongVolatile(address)
        : UnsafeMemory.getLongVolatile(address);
  }

  /**
   * Sequentially consistent store.
   *
   * @param address where
   * @param value what
   */
  public static void putLongVolatile(long address, long value) {
    if (VAR_HANDLES) {
      VarHandleMemory.putLongVolatile(address, value);
    } else {
      UnsafeMemory.putLongVolatile(address, value);
    }
  }

  /**
   * Stores if the value is the expected one.
   *
   * @param address where
   * @param expected the value that must be there
   * @param value what
   * @return whether it did
   */
  public static boolean compareAndSetLong(long address, long expected, long value) {
    return VAR_HANDLES
        ? VarHandleMemory.compareAndSetLong(address, expected, value)
        : UnsafeMemory.compareAndSetLong(address, expected, value);
  }

  /**
   * Adds.
   *
   * @param address where
   * @param delta what
   * @return the value before
   */
  public static long getAndAddLong(long address, long delta) {
    return VAR_HANDLES
        ? VarHandleMemory.getAndAddLong(address, delta)
        : UnsafeMemory.getAndAddLong(address, delta);
  }

  /**
   * Exchanges.
   *
   * @param address where
   * @param value what
   * @return the value before
   */
  public static long getAndSetLong(long address, long value) {
    return VAR_HANDLES
        ? VarHandleMemory.getAndSetLong(address, value)
        : UnsafeMemory.getAndSetLong(address, value);
  }

  /**
   * Copies memory to an array; the caller has checked its bounds.
   *
   * @param address where
   * @param target the array
   * @param offset the first element
   * @param length bytes
   */
  public static void getBytes(long address, byte[] target, int offset, int length) {
    if (VAR_HANDLES) {
      VarHandleMemory.getBytes(address, target, offset, length);
    } else {
      UnsafeMemory.getBytes(address, target, offset, length);
    }
  }

  /**
   * Copies an array to memory; the caller has checked its bounds.
   *
   * @param address where
   * @param source the array
   * @param offset the first element
   * @param length bytes
   */
  public static void putBytes(long address, byte[] source, int offset, int length) {
    if (VAR_HANDLES) {
      VarHandleMemory.putBytes(address, source, offset, length);
    } else {
      UnsafeMemory.putBytes(address, source, offset, length);
    }
  }

  /**
   * Fills memory.
   *
   * @param address where
   * @param bytes how many
   * @param value with what
   */
  public static void setMemory(long address, long bytes, byte value) {
    if (VAR_HANDLES) {
      VarHandleMemory.setMemory(address, bytes, value);
    } else {
      UnsafeMemory.setMemory(address, bytes, value);
    }
  }
}
