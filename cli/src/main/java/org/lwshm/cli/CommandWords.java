// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.util.ArrayList;
import java.util.List;

/** Splits a command line that stands in one string. */
final class CommandWords {

  private CommandWords() {}

  /**
   * Splits at white space that is not between quotes, of either kind. In them everything stands for
   * itself; there are no escapes.
   *
   * @throws IllegalArgumentException if a quote is not closed
   */
  static List<String> split(String line) {
    List<String> words = new ArrayList<>();
    StringBuilder word = null;
    char quote = 0;
    for (char c : line.toCharArray()) {
      if (quote != 0 ? c == quote : c == '\'' || c == '"') {
        quote = quote == 0 ? c : 0;
        // Quotes make a word even if nothing is between them.
        word = word == null ? new StringBuilder() : word;
      } else if (quote == 0 && Character.isWhitespace(c)) {
        if (word != null) {
          words.add(word.toString());
        }
        word = null;
      } else {
        word = word == null ? new StringBuilder() : word;
        word.append(c);
      }
    }
    if (quote != 0) {
      throw new IllegalArgumentException("a " + quote + " is not closed");
    }
    if (word != null) {
      words.add(word.toString());
    }
    return words;
  }
}
