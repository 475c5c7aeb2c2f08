// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What a data directory holds. */
public final class DataDirectory {

  private DataDirectory() {}

  /** After a segment or a postmaster has gone, only the members file stays. */
  public static void assertTidy(Path dataDir) throws IOException {
    try (var files = Files.list(dataDir)) {
      assertEquals(List.of(dataDir.resolve("lwshm.members")), files.toList());
    }
  }
}
