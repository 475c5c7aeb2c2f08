// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

class RawMemoryTest {

  private final long[] handle = new long[1];
  private long address;

  /** A segment's memory, because both ways must reach it, and the Java heap has no address. */
  @BeforeEach
  void allocate() {
    long[] options = {4096, 1, 1, 1, 1, 1, 1, 0600, 0, 0, 0, 0, 0};
    Status.check(SegmentNative.create(null, options, null, handle));
    long[] area = new long[ShmemNative.AREA_COUNT];
    Status.check(ShmemNative.alloc(handle[0], 4096, area));
    long[] info = new long[SegmentNative.INFO_COUNT];
    Status.check(SegmentNative.info(handle[0], info));
    address = info[SegmentNative.INFO_BASE] + area[ShmemNative.AREA_OFFSET];
  }

  @AfterEach
  void free() {
    Status.check(SegmentNative.close(handle[0]));
  }

  @Test
  void plainAccessWorksAtAnyAlignment() {
    for (long at = address; at < address + 9; at++) {
      RawMemory.putLong(at, 0x1122334455667788L);
      assertEquals(0x1122334455667788L, RawMemory.getLong(at));
      RawMemory.putInt(at, -5);
      assertEquals(-5, RawMemory.getInt(at));
      RawMemory.putByte(at, (byte) 9);
      assertEquals(9, RawMemory.getByte(at));
    }
  }

  @Test
  void orderedAndAtomicAccessReadsAndWritesTheSameWords() {
    RawMemory.putIntRelease(address, 1);
    assertEquals(1, RawMemory.getIntAcquire(address));
    RawMemory.putIntVolatile(address, 2);
    assertEquals(2, RawMemory.getIntVolatile(address));
    assertTrue(RawMemory.compareAndSetInt(address, 2, 3));
    assertFalse(RawMemory.compareAndSetInt(address, 2, 4));
    assertEquals(3, RawMemory.getAndAddInt(address, -1));
    assertEquals(2, RawMemory.getAndSetInt(address, 7));
    assertEquals(7, RawMemory.getInt(address));
    RawMemory.putLongRelease(address, 1);
    assertEquals(1, RawMemory.getLongAcquire(address));
    RawMemory.putLongVolatile(address, 2);
    assertEquals(2, RawMemory.getLongVolatile(address));
    assertTrue(RawMemory.compareAndSetLong(address, 2, 3));
    assertFalse(RawMemory.compareAndSetLong(address, 2, 4));
    assertEquals(3, RawMemory.getAndAddLong(address, -1));
    assertEquals(2, RawMemory.getAndSetLong(address, 1L << 50));
    assertEquals(1L << 50, RawMemory.getLong(address));
  }

  @Test
  void bytesAreCopiedAndFilled() {
    byte[] bytes = {1, 2, 3, 4, 5, 6};
    RawMemory.putBytes(address + 1, bytes, 2, 3);
    byte[] back = new byte[5];
    RawMemory.getBytes(address, back, 1, 4);
    assertArrayEquals(new byte[] {0, 0, 3, 4, 5}, back);
    RawMemory.setMemory(address, 4096, (byte) 0x11);
    assertEquals(0x1111111111111111L, RawMemory.getLong(address + 4088));
    RawMemory.putBytes(address, bytes, 6, 0);
    RawMemory.setMemory(address, 0, (byte) 0);
    assertEquals(0x11, RawMemory.getByte(address));
  }

  @Test
  void theWayFollowsTheJavaVersionUnlessItIsForced() {
    assertFalse(RawMemory.useVarHandles(null, 17));
    assertFalse(RawMemory.useVarHandles(null, 21));
    assertTrue(RawMemory.useVarHandles(null, 22));
    assertTrue(RawMemory.useVarHandles("varhandle", 21));
    assertFalse(RawMemory.useVarHandles("unsafe", 25));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> RawMemory.useVarHandles("magic", 25));
    assertTrue(e.getMessage().contains("magic"), e.getMessage());
  }

  /** Touches memory and prints which class did it. */
  static final class Toucher {

    private Toucher() {}

    public static void main(String[] args) {
      RawMemoryTest test = new RawMemoryTest();
      test.allocate();
      test.orderedAndAtomicAccessReadsAndWritesTheSameWords();
      test.bytesAreCopiedAndFilled();
      test.plainAccessWorksAtAnyAlignment();
      test.free();
    }
  }

  /** From Java 22 on Unsafe's memory methods are on their way out, and warn when they are used. */
  @Test
  @EnabledForJreRange(min = JRE.JAVA_22)
  void unsafeIsNotEvenLoadedFromJava22On() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xlog:class+load",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Toucher.class.getName())
            .redirectErrorStream(true)
            .start();
    String out = String.join("\n", process.inputReader().lines().toList());
    assertEquals(0, process.waitFor(), out);
    assertTrue(out.contains("org.lwshm.jni.VarHandleMemory"), "it was loaded");
    assertFalse(out.contains("org.lwshm.jni.UnsafeMemory"), "it was not");
    assertFalse(out.contains("WARNING"), "and nothing warned");
  }
}
