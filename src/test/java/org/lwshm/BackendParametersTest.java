// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.jni.PostmasterNative;
import org.lwshm.jni.Status;
import org.lwshm.testing.Slots;

/** The file for a child, written and read; what is wrong with a bad one is tested in C. */
class BackendParametersTest {

  @TempDir Path directory;
  private final byte[] name = new byte[PostmasterNative.CHILD_NAME_MAX + 1];
  private final byte[] dataDir = new byte[PostmasterNative.DATA_DIR_MAX + 1];

  private static long[] some() {
    long[] parameters = new long[PostmasterNative.PARAMETER_COUNT];
    Arrays.setAll(parameters, i -> 1000 + i);
    parameters[PostmasterNative.PARAMETER_POSTMASTER] = -1L;
    parameters[PostmasterNative.PARAMETER_SHMID] = -7;
    parameters[PostmasterNative.PARAMETER_GRACE_MS] = 0xffffffffL;
    return parameters;
  }

  private long[] read(Path file) {
    long[] parameters = new long[PostmasterNative.PARAMETER_COUNT];
    byte[] path = file.toString().getBytes(StandardCharsets.UTF_8);
    Status.check(PostmasterNative.readParameters(path, parameters, name, dataDir));
    return parameters;
  }

  @Test
  void whatIsWrittenIsRead() {
    Path file = directory.resolve("parameters");
    String longest = "/" + "x".repeat(PostmasterNative.DATA_DIR_MAX - 1);
    Slots.write(file, some(), "n".repeat(PostmasterNative.CHILD_NAME_MAX), longest);
    assertArrayEquals(some(), read(file));
    assertEquals("n".repeat(PostmasterNative.CHILD_NAME_MAX), Names.decode(name, 0, name.length));
    assertEquals(longest, Names.decode(dataDir, 0, dataDir.length));
  }

  @Test
  void whatIsTooLongIsRefused() {
    Path file = directory.resolve("parameters");
    String name64 = "n".repeat(PostmasterNative.CHILD_NAME_MAX + 1);
    assertThrows(IllegalArgumentException.class, () -> Slots.write(file, some(), name64, "/data"));
    String path4096 = "/" + "x".repeat(PostmasterNative.DATA_DIR_MAX);
    assertThrows(IllegalArgumentException.class, () -> Slots.write(file, some(), "name", path4096));
    assertTrue(Files.notExists(file));
  }

  @Test
  void aBadFileIsAnExceptionOfItsOwn() throws Exception {
    Path file = directory.resolve("parameters");
    BackendParametersException missing =
        assertThrows(BackendParametersException.class, () -> read(file));
    assertTrue(missing.getMessage().contains("are missing"), missing.getMessage());
    Files.write(file, new byte[] {1});
    BackendParametersException truncated =
        assertThrows(BackendParametersException.class, () -> read(file));
    assertTrue(truncated.getMessage().contains("are truncated"), truncated.getMessage());
  }

  @Test
  void aProcessOfNoPostmasterHasNone() {
    assertEquals(Optional.empty(), BackendParameters.fromEnvironment());
    assertThrows(NotFoundException.class, Backend::fromPostmaster);
  }

  @Test
  void aSegmentOfNoPostmasterSaysWhatToDo() {
    try (Segment segment = Segment.builder(directory).create()) {
      IllegalStateException e = assertThrows(IllegalStateException.class, segment::postmaster);
      assertTrue(e.getMessage().contains("Backend.fromPostmaster()"), e.getMessage());
    }
  }
}
