// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/layout.h} and {@code lwshm/version.h}. */
public final class LayoutNative {

  static {
    NativeLibrary.load();
  }

  /** {@code field[]}: bytes from the struct's start; a constant's value. */
  public static final int FIELD_OFFSET = 0;

  /** {@code field[]}: bytes; 0 for a constant. */
  public static final int FIELD_SIZE = 1;

  /** {@code field[]}: length of the name in bytes, which may exceed the room for it. */
  public static final int FIELD_NAME_LENGTH = 2;

  /** The length of {@code field[]}. */
  public static final int FIELD_COUNT = 3;

  private LayoutNative() {}

  /**
   * {@code lwshm_layout_field}.
   *
   * @param index 0 and up
   * @param field takes {@link #FIELD_COUNT} elements
   * @param name takes the name in UTF-8, as far as there is room
   * @return 1, or 0 past the last field
   */
  public static native int field(int index, long[] field, byte[] name);

  /**
   * {@code lwshm_abi_version}.
   *
   * @return the ABI version of the library that was loaded
   */
  public static native int abiVersion();
}
