// SPDX-License-Identifier: Apache-2.0

package org.lwshm.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What fails once does not silence a log for ever. */
class PatientOutputTest {

  private static final Duration LIMIT = Duration.ofMinutes(1);

  /** Throws once. */
  private static final class Failing extends ByteArrayOutputStream {
    private String failure;

    private Failing(String failure) {
      this.failure = failure;
    }

    @Override
    public void write(byte[] bytes) throws IOException {
      String now = failure;
      failure = "";
      switch (now) {
        case "" -> super.write(bytes);
        case "IOException" -> throw new IOException(now);
        case "RuntimeException" -> throw new IllegalStateException(now);
        default -> throw new OutOfMemoryError(now);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"IOException", "RuntimeException", "OutOfMemoryError"})
  void whatComesAfterAFailureIsWritten(String failure) throws Exception {
    Failing to = new Failing(failure);
    PatientOutput output = new PatientOutput(to);
    output.write('a');
    assertTrue(output.await(LIMIT));
    output.write('b');
    assertTrue(output.await(LIMIT));
    assertEquals("b", to.toString(StandardCharsets.UTF_8));
  }
}
