// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Config files, and options of {@code run}, without a process. */
class PoolConfigTest {

  @TempDir private Path dir;

  private Path file(byte[] bytes) throws Exception {
    return Files.write(dir.resolve("pool.conf"), bytes);
  }

  private Path file(String text) throws Exception {
    return Files.writeString(dir.resolve("pool.conf"), text);
  }

  private static void assertRefused(Path file, String... parts) {
    String message = assertThrows(ConfigException.class, () -> PoolConfig.read(file)).getMessage();
    assertTrue(message.contains(file.toString()), message);
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  @Test
  void takesEveryKey() throws Exception {
    Path file =
        file(
            """
            # a comment with \\u in it
            backends = 3
            policy = restart-all
            restart = always
            restart_after_crash = off
            start_timeout = 500ms
            stop_timeout = 2min
            repair_timeout = 1 h
            backoff.first = 0
            backoff.longest = 1s
            backoff.steady = 1d
            repairer = /bin/repair 'two words' "it's"
            output = log
            environment.LANG = de_DE.UTF-8
            max_processes = 8
            max_backends = 8
            max_held_locks = 8
            max_tranches = 8
            max_lwlocks = 8
            max_structs = 8
            spare_bytes = 64kB
            huge_pages = try
            mode = 0660
            struct.a.b = 8
            tranche.t = 1
            semaphore.s = 0
            semaphore.o = 1 , owned
            """);
    assertDoesNotThrow(() -> PoolConfig.read(file));
  }

  @ParameterizedTest
  @CsvSource({
    "backends = 0, 1 to 1024",
    "backends = x, 1 to 1024",
    "backends =, 1 to 1024",
    "policy = recovr, restart-all",
    "restart = sometimes, on-failure",
    "stop_timeout = 10, min",
    "stop_timeout = -1s, min",
    "stop_timeout = 999999999999999999d, min",
    "repairer = say \"hi, quotes",
    "output = file, console or log",
    "huge_pages = 1, try",
    "mode = 0777, 0660",
    "spare_bytes = 1kb, kB",
    "spare_bytes = 99999999999TB, kB",
    "max_processes = 5000, 1 to 4096",
    "semaphore.s = -1, permits",
    "tranche.t = 0, 1 to 16777216",
  })
  void aBadValueIsNamedWithItsKeyAndTheRule(String line, String rule) throws Exception {
    String key = line.substring(0, line.indexOf(' '));
    String value = line.substring(line.indexOf('=') + 1).strip();
    assertRefused(file(line + "\n"), key, "\"" + value + "\"", rule);
  }

  @Test
  void anUnknownKeyIsToldWithTheNearestKnownOnes() throws Exception {
    assertRefused(file("stop_timout = 1s\n"), "stop_timout", "stop_timeout");
    assertRefused(file("zzzzzzzz = 1s\n"), "zzzzzzzz", "backends", "semaphore.NAME");
    assertRefused(file("struct. = 8\n"), "\"struct.\"", "struct.NAME");
  }

  @Test
  void aKeyThatIsSetTwiceIsRefused() throws Exception {
    assertRefused(file("backends = 1\nbackends = 2\n"), "backends twice");
  }

  @Test
  void aBackOffWhoseLongestIsShorterThanItsFirstIsRefused() throws Exception {
    assertRefused(file("backoff.first = 1min\n"), "backoff.longest is 30s", "1min");
  }

  @Test
  void aDamagedFileIsRefused() throws Exception {
    assertRefused(file("backends = 1\nenvironment.A = \\u12\n"), "line 2", "\\u");
    assertRefused(file(new byte[] {'a', (byte) 0xff, '\n'}), "no UTF-8");
    assertRefused(file("backends = 1\n\0\n"), "NUL in line 2");
  }

  @Test
  void anEmptyOrTruncatedFileIsRefused() throws Exception {
    assertRefused(file(""), "is empty");
    assertRefused(file(" \n\n"), "is empty");
    assertRefused(file("backends = 1\nstop_timeout = 1"), "truncated", "line 2");
  }

  @Test
  void whatIsNoFileIsRefused() throws Exception {
    assertRefused(dir.resolve("none"), "does not exist");
    assertRefused(dir, "is a directory");
    assertRefused(Path.of("/dev/zero"), "no regular file");
  }

  @Test
  void aFileThatOthersMayWriteIsRefused() throws Exception {
    Path file = file("backends = 1\n");
    for (String mode : List.of("rw-rw-r--", "rw-r---w-")) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
      assertRefused(file, "chmod go-w");
    }
  }

  @Test
  void anotherUsersFileIsRefused() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "only root gives files away");
    Path file = file("backends = 1\n");
    Files.setAttribute(file, "unix:uid", 65534);
    assertRefused(file, "user 65534");
  }

  @Test
  void aFileThatMayNotBeReadIsRefused() throws Exception {
    Path file = file("backends = 1\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
    assumeTrue(!Files.isReadable(file), "root may read everything");
    assertRefused(file, "permission denied");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "1025", "two", ""})
  void aBadNumberOfBackendsIsAUsageError(String count) {
    StringWriter err = new StringWriter();
    int exitCode =
        Lwshm.execute(
            new PrintWriter(new StringWriter()),
            new PrintWriter(err),
            "run",
            "-D",
            dir.toString(),
            "--backends",
            count,
            "--",
            "true");
    assertEquals(2, exitCode, err.toString());
    assertTrue(err.toString().contains("1 to 1024"), err.toString());
  }

  @Test
  void aDirectoryThatIsNotThereIsARefusedStart() {
    StringWriter err = new StringWriter();
    String none = dir.resolve("none").toString();
    int exitCode =
        Lwshm.execute(
            new PrintWriter(new StringWriter()), new PrintWriter(err), "run", "-D", none, "true");
    assertEquals(1, exitCode);
    assertTrue(err.toString().contains(none), err.toString());
  }

  @Test
  void theDefaultNameIsTheProgramsOwnCutToFit() {
    assertEquals("sleep", RunCommand.defaultName("/bin/sleep"));
    assertEquals("child", RunCommand.defaultName("/bin/"));
    assertEquals("ä".repeat(31), RunCommand.defaultName("x/" + "ä".repeat(50)));
  }

  @Test
  void quotesHoldWordsTogether() {
    assertEquals(
        List.of("a", "b c", "", "d'e", "f g"), CommandWords.split(" a 'b c' \"\" \"d'e\" f' 'g "));
  }

  @Test
  void unitsAreThoseOfPostgreSql() {
    assertEquals(Duration.ofMillis(1500), Quantity.duration("1500ms"));
    assertEquals(Duration.ofMinutes(2), Quantity.duration("2 min"));
    assertEquals(3L << 30, Quantity.bytes("3GB"));
    assertEquals(77, Quantity.bytes("77"));
  }
}
