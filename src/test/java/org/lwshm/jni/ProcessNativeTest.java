// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.NotFoundException;
import org.lwshm.TestThread;

class ProcessNativeTest {

  private static final int SIGTERM = 15;
  private static final int PID_BITS = 22;

  @Test
  void thisProcessIsKnownByItsPid() {
    long self = ProcessNative.self();
    assertEquals(ProcessHandle.current().pid(), self & ((1 << PID_BITS) - 1));
    assertEquals(self, ProcessNative.identity((int) ProcessHandle.current().pid()));
    assertEquals(0, ProcessNative.isDead(self));
    assertEquals(0, ProcessNative.awaitEnd(self, 0));
    assertEquals(0, ProcessNative.identity(-1));
  }

  @Test
  void theEndOfAProcessIsHeardOfInAnotherThread() throws Exception {
    Process process = new ProcessBuilder("sleep", "3600").start();
    try {
      long identity = ProcessNative.identity((int) process.pid());
      assertEquals(0, Status.check(ProcessNative.awaitEnd(identity, 1)));
      TestThread<Integer> awaiting =
          TestThread.start("awaiting", () -> Status.check(ProcessNative.awaitEnd(identity, -1)));
      Status.check(ProcessNative.signal(identity, SIGTERM));
      assertEquals(1, awaiting.join());
      assertEquals(1, ProcessNative.isDead(identity));
      assertEquals(128 + SIGTERM, process.waitFor());
      assertThrows(
          NotFoundException.class, () -> Status.check(ProcessNative.signal(identity, SIGTERM)));
    } finally {
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void thePlaceIsTheOneThatProcTells() throws Exception {
    long[] place = new long[ProcessNative.PLACE_COUNT];
    Status.check(ProcessNative.place(place));
    String boot = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
    BigInteger id = new BigInteger(boot.replace("-", ""), 16);
    assertEquals(id.shiftRight(64).longValue(), place[ProcessNative.PLACE_BOOT_ID_HIGH]);
    assertEquals(id.longValue(), place[ProcessNative.PLACE_BOOT_ID_LOW]);
    assertEquals(inode("pid"), place[ProcessNative.PLACE_PID_NAMESPACE] & 0xffffffffL);
    assertEquals(inode("ipc"), place[ProcessNative.PLACE_IPC_NAMESPACE]);
  }

  private static long inode(String namespace) throws Exception {
    Path link = Files.readSymbolicLink(Path.of("/proc/self/ns/" + namespace));
    return Long.parseLong(link.toString().replaceAll("\\D", ""));
  }

  @Test
  void aFileIsLockedOnceUntilItIsGivenBack(@TempDir Path directory) throws Exception {
    Path file = Files.createFile(directory.resolve("file"));
    byte[] path = file.toString().getBytes(StandardCharsets.UTF_8);
    int lock = Status.check(ProcessNative.lockFile(path));
    assertEquals(Status.IN_USE, ProcessNative.lockFile(path));
    assertEquals(1, ProcessNative.isLockAt(lock, path));
    Files.delete(file);
    assertEquals(0, ProcessNative.isLockAt(lock, path));
    assertEquals(0, ProcessNative.unlockFile(lock));
    NotFoundException e =
        assertThrows(NotFoundException.class, () -> Status.check(ProcessNative.lockFile(path)));
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
  }
}
