// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** No array, whatever it is, crashes the JVM. */
class NativeArraysTest {

  private static final byte[] NAME = {'a'};
  private static final long[] SHORT = {};

  @Test
  void nullAndShortArraysAreRefusedBeforeTheHandleIsLookedAt() {
    for (Executable call :
        List.<Executable>of(
            () -> SegmentNative.plan(null, new long[SegmentNative.SIZE_COUNT]),
            () -> SegmentNative.plan(SHORT, new long[SegmentNative.SIZE_COUNT]),
            () -> SegmentNative.plan(new long[SegmentNative.OPTION_COUNT], null),
            () -> SegmentNative.plan(new long[SegmentNative.OPTION_COUNT], SHORT),
            () -> SegmentNative.create(NAME, null, NAME, new long[1]),
            () -> SegmentNative.create(NAME, new long[SegmentNative.OPTION_COUNT], NAME, null),
            () -> SegmentNative.create(NAME, new long[SegmentNative.OPTION_COUNT], NAME, SHORT),
            () ->
                SegmentNative.open(
                    NAME, new long[SegmentNative.OPTION_COUNT], NAME, new long[1], NAME),
            () -> SegmentNative.attach(null, 0, new long[1]),
            () -> SegmentNative.attach(NAME, 0, null),
            () -> SegmentNative.attachId(0, 0, SHORT),
            () -> SegmentNative.info(0, null),
            () -> SegmentNative.info(0, SHORT),
            () -> SegmentNative.processes(0, null),
            () -> ShmemNative.initStruct(0, null, 1, new long[ShmemNative.AREA_COUNT]),
            () -> ShmemNative.initStruct(0, NAME, 1, null),
            () -> ShmemNative.initStruct(0, NAME, 1, SHORT),
            () -> ShmemNative.indexFind(0, null, new long[ShmemNative.AREA_COUNT]),
            () -> ShmemNative.indexFind(0, NAME, SHORT),
            () -> ShmemNative.alloc(0, 1, null),
            () -> ShmemNative.allocations(0, null, NAME),
            () -> ShmemNative.allocations(0, SHORT, null),
            () -> ShmemNative.regionName(0, null),
            () -> TrancheNative.init(0, null, 1, new long[TrancheNative.TRANCHE_COUNT]),
            () -> TrancheNative.init(0, NAME, 1, SHORT),
            () -> TrancheNative.find(0, NAME, null),
            () -> TrancheNative.get(0, 0, new long[TrancheNative.TRANCHE_COUNT], NAME),
            () -> TrancheNative.get(0, 0, SHORT, new byte[TrancheNative.TRANCHE_NAME_MAX + 1]),
            () -> BackendNative.join(0, null),
            () -> BackendNative.leave(null),
            () -> BackendNative.abandon(new long[0]),
            () -> BackendNative.info(0, SHORT),
            () -> BackendNative.list(0, null),
            () -> DeadSegmentNative.list(null),
            () -> PostmasterNative.assignChild(0, 0, 1, null),
            () -> PostmasterNative.assignChild(0, 0, 1, SHORT),
            () -> PostmasterNative.joinSlot(0, SHORT, new long[1]),
            () -> PostmasterNative.joinSlot(0, new long[PostmasterNative.PARAMETER_COUNT], null),
            () -> PostmasterNative.poisoned(0, null),
            () -> PostmasterNative.readParameters(NAME, SHORT, NAME, NAME),
            () -> PostmasterNative.writeParameters(NAME, SHORT, NAME, NAME),
            () ->
                PostmasterNative.writeParameters(
                    null, new long[PostmasterNative.PARAMETER_COUNT], NAME, NAME),
            () -> LWLockNative.info(0, 0, SHORT),
            () -> ProcessNative.place(null),
            () -> ProcessNative.place(SHORT),
            () -> ProcessNative.lockFile(null),
            () -> ProcessNative.isLockAt(-1, null),
            () -> ChildNative.start(null, NAME, null, 0, null, 0, new int[ChildNative.CHILD_COUNT]),
            () -> ChildNative.start(NAME, null, null, 0, null, 0, new int[ChildNative.CHILD_COUNT]),
            () -> ChildNative.start(NAME, NAME, null, 0, null, 0, null),
            () -> ChildNative.start(NAME, NAME, null, 0, null, 0, new int[1]),
            () -> ChildNative.read(-1, null, 0),
            () -> ChildNative.read(-1, new byte[0], 0),
            () -> LayoutNative.field(0, null, NAME),
            () -> LayoutNative.field(0, new long[LayoutNative.FIELD_COUNT], null),
            () -> ErrorNative.lastError(null, new byte[ErrorNative.MESSAGE_BYTES]),
            () -> ErrorNative.lastError(new long[ErrorNative.ERROR_COUNT], NAME))) {
      IllegalArgumentException e = assertThrows(IllegalArgumentException.class, call);
      assertTrue(e.getMessage().startsWith("array "), e.getMessage());
    }
  }

  @Test
  void namesThatDoNotFitAreCut() {
    byte[] name = new byte[3];
    assertEquals("header".length(), ShmemNative.regionName(0, name));
    assertEquals("hea", new String(name, StandardCharsets.UTF_8));
    assertEquals(0, LayoutNative.field(Integer.MAX_VALUE, new long[3], name));
  }

  @Test
  void aNullHandleIsAnsweredWithAStatus() {
    assertEquals(SegmentNative.SHUT, SegmentNative.publish(0));
    assertEquals(Status.INVALID, BackendNative.leave(new long[1]));
    assertEquals(Status.INVALID, LWLockNative.acquireSlow(0, 0, LWLockNative.SHARED, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> Status.check(LWLockNative.release(0, 0)));
  }
}
