// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.NotFoundException;
import org.lwshm.TestThread;

class ChildNativeTest {

  private static final int SIGKILL = 9;
  private static final int SIGTERM = 15;

  private final int[] child = new int[ChildNative.CHILD_COUNT];

  /** What is left when a test has failed. */
  @AfterEach
  void end() {
    if (child[ChildNative.CHILD_PID] != 0
        && ChildNative.signal(child[ChildNative.CHILD_PID], SIGKILL, true) == 0) {
      ChildNative.await(child[ChildNative.CHILD_PID]);
      ChildNative.reap(child[ChildNative.CHILD_PID]);
    }
  }

  private static byte[] block(String... strings) {
    StringBuilder block = new StringBuilder();
    for (String string : strings) {
      block.append(string).append('\0');
    }
    return block.toString().getBytes(StandardCharsets.UTF_8);
  }

  private void start(String directory, byte[] environment, String... arguments) {
    byte[] where = directory == null ? null : directory.getBytes(StandardCharsets.UTF_8);
    Status.check(ChildNative.start(block(arguments), environment, where, SIGKILL, null, 0, child));
  }

  private String output() {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] bytes = new byte[7];
    int count;
    while ((count = Status.check(ChildNative.read(child[ChildNative.CHILD_OUTPUT], bytes, -1)))
        > 0) {
      all.write(bytes, 0, count);
    }
    return all.toString(StandardCharsets.UTF_8);
  }

  private int awaitAndReap() {
    int code = Status.check(ChildNative.await(child[ChildNative.CHILD_PID]));
    Status.check(ChildNative.reap(child[ChildNative.CHILD_PID]));
    Status.check(ChildNative.closeOutput(child[ChildNative.CHILD_OUTPUT]));
    return code;
  }

  @Test
  void argumentsEnvironmentDirectoryAndOutputPassWhole(@TempDir Path directory) throws Exception {
    start(
        directory.toString(),
        block("A=ä", "EMPTY="),
        "/bin/sh",
        "-c",
        "printf '<%s>' \"$A\" \"$EMPTY\" \"$@\"; pwd >&2; exit 7",
        "sh",
        "one",
        "",
        "two words");
    assertEquals("<ä><><one><><two words>" + directory.toRealPath() + "\n", output());
    assertEquals(7, awaitAndReap());
  }

  @Test
  void anEmptyEnvironmentIsNone() {
    start(null, new byte[0], "env");
    assertEquals("", output());
    assertEquals(0, awaitAndReap());
  }

  @Test
  void anotherThreadHearsTheSignalThatEndedIt() throws Exception {
    start(null, block("PATH=/usr/bin:/bin"), "sleep", "3600");
    int pid = child[ChildNative.CHILD_PID];
    TestThread<Integer> awaiting =
        TestThread.start("awaiting", () -> Status.check(ChildNative.await(pid)));
    assertEquals(
        ChildNative.SILENT, ChildNative.read(child[ChildNative.CHILD_OUTPUT], new byte[1], 0));
    Status.check(ChildNative.signal(pid, SIGTERM, false));
    assertEquals(ChildNative.SIGNALLED + SIGTERM, awaiting.join());
    assertEquals(ChildNative.SIGNALLED + SIGTERM, awaitAndReap());
    assertThrows(NotFoundException.class, () -> Status.check(ChildNative.await(pid)));
  }

  @Test
  void aGarbageCollectionDoesNotWaitForThoseWhoAwaitAndRead() throws Exception {
    start(null, block(), "sleep", "3600");
    int pid = child[ChildNative.CHILD_PID];
    int output = child[ChildNative.CHILD_OUTPUT];
    TestThread<Integer> awaiting = TestThread.start("awaiting", () -> ChildNative.await(pid));
    TestThread<Integer> reading =
        TestThread.start("reading", () -> ChildNative.read(output, new byte[100], -1));
    System.gc();
    Status.check(ChildNative.signal(pid, SIGKILL, true));
    assertEquals(ChildNative.SIGNALLED + SIGKILL, awaiting.join());
    assertEquals(0, reading.join());
    awaitAndReap();
  }

  @Test
  void whatCannotBeStartedIsNamed() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> start(null, block(), "no-such-program"));
    assertTrue(e.getMessage().contains("\"no-such-program\""), e.getMessage());
    e =
        assertThrows(
            IllegalArgumentException.class, () -> start("/no/such/directory", block(), "true"));
    assertTrue(e.getMessage().contains("\"/no/such/directory\""), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> start(null, block()));
  }
}
