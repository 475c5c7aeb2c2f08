// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The results of one run, as they stand in a JSON file.
 *
 * @param title of the run
 * @param code the commit that was measured
 * @param machine what the results depend on besides the code
 * @param results what was measured
 * @param ratios what was compared
 */
public record Recording(
    String title,
    String code,
    Map<String, String> machine,
    List<Result> results,
    List<Ratio> ratios) {

  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  /** Writes a result or a ratio on one line. */
  private static final class OneLineEach extends DefaultPrettyPrinter {

    private static final long serialVersionUID = 1;
    private static final int DEPTH = 2;

    private static final Indenter INDENTER =
        new DefaultIndenter() {
          private static final long serialVersionUID = 1;

          @Override
          public void writeIndentation(JsonGenerator json, int level) throws IOException {
            if (level <= DEPTH) {
              super.writeIndentation(json, level);
            } else {
              json.writeRaw(' ');
            }
          }
        };

    OneLineEach() {
      indentArraysWith(INDENTER);
      indentObjectsWith(INDENTER);
    }

    @Override
    public DefaultPrettyPrinter createInstance() {
      return new OneLineEach();
    }

    /** The line of an object ends after it. */
    @Override
    public void writeEndObject(JsonGenerator json, int entries) throws IOException {
      if (_nesting > DEPTH) {
        _nesting--;
        json.writeRaw(" }");
      } else {
        super.writeEndObject(json, entries);
      }
    }
  }

  /** Reads a file that {@link #write} has written. */
  public static Recording read(Path file) {
    try {
      return JSON.readValue(file.toFile(), Recording.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return the median of the result of that name, if there is one} */
  public OptionalDouble median(String name) {
    return results.stream()
        .filter(result -> result.name().equals(name))
        .mapToDouble(Result::median)
        .findFirst();
  }

  /** Writes the file, in place of an earlier one. */
  public void write(Path file) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, JSON.writer(new OneLineEach()).writeValueAsString(this) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
