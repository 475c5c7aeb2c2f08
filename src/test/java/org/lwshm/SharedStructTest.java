// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class SharedStructTest {

  private static final int SIZE = 100;

  private Segment segment;
  private SharedStruct area;

  @BeforeEach
  void create() {
    segment = Segment.privateBuilder().struct("area", SIZE).struct("behind", 64).create();
    area = segment.struct("area");
  }

  @AfterEach
  void close() {
    segment.close();
  }

  @Test
  void knowsWhatItIs() {
    assertEquals("area", area.name());
    assertEquals(SIZE, area.size());
    assertEquals(0, area.offset() % 64);
    assertTrue(area.isFound());
    assertFalse(segment.initStruct("new", 8).isFound());
    assertTrue(segment.initStruct("new", 8).isFound());
  }

  @Test
  void plainAccessWorksAtAnyIndex() {
    for (int i : new int[] {0, 1, 3, 7, 8, 92}) {
      area.putLong(i, 0x1122334455667788L);
      assertEquals(0x1122334455667788L, area.getLong(i));
      area.putInt(i, 0x99aabbcc);
      assertEquals(0x99aabbcc, area.getInt(i));
      area.putByte(i, (byte) -2);
      assertEquals(-2, area.getByte(i));
      area.putFloat(i, 1.5f);
      assertEquals(1.5f, area.getFloat(i));
      area.putDouble(i, -2.25);
      assertEquals(-2.25, area.getDouble(i));
    }
  }

  @Test
  void orderedAccessReadsWhatWasWritten() {
    area.putIntRelease(4, 1);
    assertEquals(1, area.getIntAcquire(4));
    area.putIntVolatile(4, 2);
    assertEquals(2, area.getIntVolatile(4));
    area.putLongRelease(8, 3);
    assertEquals(3, area.getLongAcquire(8));
    area.putLongVolatile(8, 4);
    assertEquals(4, area.getLongVolatile(8));
    area.putFloatRelease(16, 5);
    assertEquals(5, area.getFloatAcquire(16));
    area.putFloatVolatile(16, 6);
    assertEquals(6, area.getFloatVolatile(16));
    area.putDoubleRelease(24, 7);
    assertEquals(7, area.getDoubleAcquire(24));
    area.putDoubleVolatile(24, 8);
    assertEquals(8, area.getDoubleVolatile(24));
  }

  @Test
  void atomicsChangeWhatTheyFind() {
    assertTrue(area.compareAndSetInt(4, 0, 5));
    assertFalse(area.compareAndSetInt(4, 0, 6));
    assertEquals(5, area.getAndAddInt(4, -2));
    assertEquals(3, area.getAndSetInt(4, 9));
    assertEquals(9, area.getInt(4));
    assertTrue(area.compareAndSetLong(8, 0, 1L << 40));
    assertFalse(area.compareAndSetLong(8, 0, 1));
    assertEquals(1L << 40, area.getAndAddLong(8, 1));
    assertEquals((1L << 40) + 1, area.getAndSetLong(8, -1));
    assertEquals(-1, area.getLong(8));
    assertTrue(area.compareAndSetFloat(16, 0f, 1.5f));
    assertFalse(area.compareAndSetFloat(16, 0f, 2f));
    assertEquals(1.5f, area.getAndAddFloat(16, 1f));
    assertEquals(2.5f, area.getAndSetFloat(16, -0f));
    assertFalse(area.compareAndSetFloat(16, 0f, 1f), "0.0 and -0.0 differ");
    assertTrue(area.compareAndSetDouble(24, 0, 1.5));
    assertFalse(area.compareAndSetDouble(24, 0, 2));
    assertEquals(1.5, area.getAndAddDouble(24, 1));
    assertEquals(2.5, area.getAndSetDouble(24, 4));
    assertEquals(4, area.getDouble(24));
  }

  @Test
  void atomicAdditionsOfSeveralThreadsAllCount() throws Exception {
    int each = 20_000;
    List<TestThread<Void>> threads =
        IntStream.range(0, 4)
            .mapToObj(
                i ->
                    TestThread.<Void>start(
                        "adder-" + i,
                        () -> {
                          for (int n = 0; n < each; n++) {
                            area.getAndAddLong(0, 1);
                            area.getAndAddInt(8, 1);
                            area.getAndAddDouble(16, 1);
                          }
                          return null;
                        }))
            .toList();
    for (TestThread<Void> thread : threads) {
      thread.join();
    }
    assertEquals(4 * each, area.getLong(0));
    assertEquals(4 * each, area.getInt(8));
    assertEquals(4 * each, area.getDouble(16));
  }

  @Test
  void bytesAreCopiedBothWays() {
    byte[] in = {1, 2, 3, 4, 5};
    area.putBytes(7, in, 1, 3);
    byte[] out = new byte[5];
    area.getBytes(7, out, 2, 3);
    assertArrayEquals(new byte[] {0, 0, 2, 3, 4}, out);
    area.putBytes(SIZE, in, 0, 0);
    assertThrows(IndexOutOfBoundsException.class, () -> area.putBytes(0, in, 3, 3));
    assertThrows(IndexOutOfBoundsException.class, () -> area.getBytes(0, out, -1, 3));
    assertThrows(IndexOutOfBoundsException.class, () -> area.getBytes(98, out, 0, 3));
    assertThrows(IndexOutOfBoundsException.class, () -> area.getBytes(0, out, 0, -1));
  }

  @Test
  void fillWritesThatPartAlone() {
    area.fill(10, 20, (byte) 7);
    assertEquals(0, area.getByte(9));
    assertEquals(7, area.getByte(10));
    assertEquals(7, area.getByte(29));
    assertEquals(0, area.getByte(30));
    assertThrows(IndexOutOfBoundsException.class, () -> area.fill(10, -1, (byte) 0));
    assertThrows(IndexOutOfBoundsException.class, () -> area.fill(10, SIZE, (byte) 0));
  }

  @Test
  void anIndexOutOfTheAreaIsRefusedWithAllValues() {
    IndexOutOfBoundsException e =
        assertThrows(IndexOutOfBoundsException.class, () -> area.getLong(93));
    assertEquals("index 93, width 8: struct \"area\" has 100 bytes", e.getMessage());
    for (long index : new long[] {-1, 97, SIZE, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 32}) {
      assertThrows(IndexOutOfBoundsException.class, () -> area.getInt(index));
      assertThrows(IndexOutOfBoundsException.class, () -> area.putDouble(index, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> area.getAndAddLong(index, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> area.byteBuffer(index, 4));
      assertThrows(IndexOutOfBoundsException.class, () -> area.slice(index, 4));
    }
    assertThrows(IndexOutOfBoundsException.class, () -> area.getByte(SIZE));
  }

  @Test
  void anOrderedAccessOffItsAlignmentIsRefusedWithTheIndex() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> area.getLongVolatile(12));
    assertTrue(e.getMessage().contains("index 12 "), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> area.putIntRelease(2, 1));
    assertThrows(IllegalArgumentException.class, () -> area.compareAndSetLong(4, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> area.getAndAddInt(1, 1));
    assertThrows(IllegalArgumentException.class, () -> area.getDoubleAcquire(4));
    area.slice(4, 16).getIntVolatile(0);
    assertThrows(IllegalArgumentException.class, () -> area.slice(4, 16).getLongVolatile(0));
  }

  @Test
  void aSliceIsAPartWithIndexesOfItsOwn() {
    SharedStruct slice = area.slice(16, 8);
    slice.putLong(0, 77);
    assertEquals(77, area.getLong(16));
    assertEquals(8, slice.size());
    assertEquals(area.offset() + 16, slice.offset());
    assertThrows(IndexOutOfBoundsException.class, () -> slice.getByte(8));
    assertThrows(IndexOutOfBoundsException.class, () -> slice.getByte(-1));
  }

  @Test
  void aByteBufferSeesTheSameBytes() {
    ByteBuffer buffer = area.byteBuffer(16, 8);
    assertEquals(ByteOrder.nativeOrder(), buffer.order());
    assertEquals(8, buffer.capacity());
    assertTrue(buffer.isDirect());
    area.putLong(16, 0x0102030405060708L);
    assertEquals(0x0102030405060708L, buffer.getLong(0));
    buffer.putInt(4, 5);
    assertEquals(5, area.getInt(20));
    assertEquals(0, area.byteBuffer(SIZE, 0).capacity());
  }

  @Test
  void aKeptByteBufferReadsZerosAfterClose() {
    area.putLong(0, -1);
    ByteBuffer buffer = area.byteBuffer(0, SIZE);
    segment.close();
    for (int i = 0; i < SIZE; i++) {
      assertEquals(0, buffer.get(i));
    }
    buffer.putLong(0, 5);
    assertEquals(5, buffer.getLong(0));
  }

  @Test
  void everyAccessAfterCloseThrows() {
    segment.close();
    byte[] bytes = new byte[4];
    for (Executable access :
        List.<Executable>of(
            () -> area.getByte(0),
            () -> area.putByte(0, (byte) 1),
            () -> area.getInt(0),
            () -> area.putInt(0, 1),
            () -> area.getLong(0),
            () -> area.putLong(0, 1),
            () -> area.getFloat(0),
            () -> area.putFloat(0, 1),
            () -> area.getDouble(0),
            () -> area.putDouble(0, 1),
            () -> area.getIntAcquire(0),
            () -> area.putIntRelease(0, 1),
            () -> area.getLongVolatile(0),
            () -> area.putLongVolatile(0, 1),
            () -> area.getFloatVolatile(0),
            () -> area.putDoubleRelease(0, 1),
            () -> area.compareAndSetInt(0, 0, 1),
            () -> area.getAndAddLong(0, 1),
            () -> area.getAndSetInt(0, 1),
            () -> area.getAndAddDouble(0, 1),
            () -> area.getBytes(0, bytes, 0, 4),
            () -> area.putBytes(0, bytes, 0, 4),
            () -> area.fill(0, 4, (byte) 0),
            () -> area.slice(0, 4),
            () -> area.byteBuffer(0, 4))) {
      IllegalStateException e = assertThrows(IllegalStateException.class, access);
      assertTrue(e.getMessage().contains("closed"), e.getMessage());
    }
  }

  @Test
  void anAreaOfMoreThanTwoGibibytesIsReachedAtBothEnds() {
    long size = (1L << 31) + 4096;
    try (Segment big = Segment.privateBuilder().struct("big", size).create()) {
      SharedStruct huge = big.struct("big");
      huge.putLong(0, 1);
      huge.putLongVolatile(size - 8, 2);
      assertEquals(2, huge.getAndAddLong(size - 8, 1));
      assertEquals(1, huge.getLong(0));
      assertEquals(3, huge.getLong(size - 8));
      assertEquals(3, huge.byteBuffer(size - 16, 16).getLong(8));
      assertThrows(IndexOutOfBoundsException.class, () -> huge.getLong(size - 7));
      assertThrows(IndexOutOfBoundsException.class, () -> huge.byteBuffer(0, -1));
    }
  }
}
