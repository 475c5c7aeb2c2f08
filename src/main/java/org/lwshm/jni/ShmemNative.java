// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import java.nio.ByteBuffer;

/** The natives of {@code lwshm/shmem.h}. */
public final class ShmemNative {

  static {
    NativeLibrary.load();
  }

  /** The most bytes of an area's name. */
  public static final int STRUCT_NAME_MAX = 47;

  /** {@code area[]}: byte offset in the segment. */
  public static final int AREA_OFFSET = 0;

  /** {@code area[]}: bytes, as asked for. */
  public static final int AREA_SIZE = 1;

  /** {@code area[]}: 1 if it was there already; set by {@link #initStruct} alone. */
  public static final int AREA_FOUND = 2;

  /** The length of {@code area[]}. */
  public static final int AREA_COUNT = 3;

  /** {@code rows[]}: the kind, as {@code enum lwshm_allocation_kind} counts them. */
  public static final int ROW_KIND = 0;

  /** {@code rows[]}: byte offset in the segment. */
  public static final int ROW_OFFSET = 1;

  /** {@code rows[]}: bytes, as asked for. */
  public static final int ROW_SIZE = 2;

  /** {@code rows[]}: bytes taken. */
  public static final int ROW_ALLOCATED_SIZE = 3;

  /** How many elements of {@code rows[]} make a row. */
  public static final int ROW_COUNT = 4;

  /** How many bytes of {@code names[]} make a name; it ends at the first 0. */
  public static final int ROW_NAME_BYTES = 64;

  private ShmemNative() {}

  /**
   * {@code lwshm_shmem_allocated_size}.
   *
   * @param size bytes
   * @return the bytes that an area of this size takes; -1 if that overflows
   */
  public static native long allocatedSize(long size);

  /**
   * {@code lwshm_shmem_init_struct}.
   *
   * @param segment handle
   * @param name the area's name
   * @param size bytes
   * @param area takes {@link #AREA_COUNT} elements
   * @return 0 or a status
   */
  public static native int initStruct(long segment, byte[] name, long size, long[] area);

  /**
   * {@code lwshm_shmem_index_find}.
   *
   * @param segment handle
   * @param name the area's name
   * @param area takes {@link #AREA_COUNT} elements
   * @return 0 or a status
   */
  public static native int indexFind(long segment, byte[] name, long[] area);

  /**
   * {@code lwshm_shmem_alloc}.
   *
   * @param segment handle
   * @param size bytes
   * @param area takes {@link #AREA_COUNT} elements
   * @return 0 or a status
   */
  public static native int alloc(long segment, long size, long[] area);

  /**
   * {@code lwshm_shmem_pointer}, as a direct buffer.
   *
   * @param segment handle
   * @param offset byte offset in the segment
   * @param length bytes, at most {@link Integer#MAX_VALUE}
   * @return a big-endian buffer, as JNI makes them; null unless the range lies in the segment
   */
  public static native ByteBuffer byteBuffer(long segment, long offset, long length);

  /**
   * {@code lwshm_shmem_allocations}. Writes as many rows as both arrays have room for.
   *
   * @param segment handle
   * @param rows takes {@link #ROW_COUNT} elements a row
   * @param names takes {@link #ROW_NAME_BYTES} bytes a row
   * @return how many rows there are, or a status
   */
  public static native int allocations(long segment, long[] rows, byte[] names);

  /**
   * {@code lwshm_region_name}.
   *
   * @param region 0 up to {@link SegmentNative#REGION_COUNT}, exclusively
   * @param name takes the name in UTF-8, as far as there is room
   * @return the name's length in bytes
   */
  public static native int regionName(int region, byte[] name);
}
