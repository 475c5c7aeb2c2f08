// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JdkTest {

  @Test
  void readsTheReleaseOfAJdkInAnotherFolder(@TempDir Path home) throws IOException {
    Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"25.0.1\"\n");
    Jdk jdk = Jdk.in(home);
    assertEquals(25, jdk.release());
    assertEquals(home.resolve("bin/java"), jdk.java());
    assertEquals("JDK 25", jdk.toString());
  }
}
