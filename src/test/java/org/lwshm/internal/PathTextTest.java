// SPDX-License-Identifier: Apache-2.0

package org.lwshm.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Paths that become text, and text that becomes paths, in the locale that the tests run in. */
class PathTextTest {

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"/", "/a b/%41?#:", "/w\u00f6rker", "/wo\u0308rker", "/\ud83d\ude00\n"})
  void aTextComesBackAsItWas(String text) {
    assertEquals(text, PathText.of(PathText.toPath(text)));
  }

  @Test
  void thePathHasTheTextsBytesInUtf8() {
    assertEquals(Path.of(URI.create("file:///w%c3%b6")), PathText.toPath("/w\u00f6"));
  }

  @Test
  void aDirectoryIsNamedWithoutASlash() throws Exception {
    String text = directory.toRealPath() + "/d\u00e4ta";
    Path made = Files.createDirectory(PathText.toPath(text));
    assertEquals(text, PathText.of(made));
    assertEquals("/", PathText.of(directory.getRoot()));
  }

  @Test
  void aRelativePathBecomesAbsolute() {
    Path relative = Path.of("data");
    assertEquals(PathText.of(relative.toAbsolutePath()), PathText.of(relative));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "data", "/a\0b"})
  void whatIsNoAbsolutePathIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> PathText.toPath(text));
  }

  @Test
  void bytesThatAreNotUtf8AreRefusedRatherThanLost() {
    Path latin1 = Path.of(URI.create("file:///w%f6rker"));
    assertThrows(IllegalArgumentException.class, () -> PathText.of(latin1));
  }
}
