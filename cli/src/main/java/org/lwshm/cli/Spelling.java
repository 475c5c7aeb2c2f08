// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** What somebody may have meant. */
final class Spelling {

  private Spelling() {}

  /** The known words that a few changed letters make of this one, nearest first. */
  static List<String> nearest(String word, Collection<String> known) {
    int most = Math.max(2, word.length() / 3);
    return known.stream()
        .filter(other -> distance(word, other) <= most)
        .sorted(Comparator.comparingInt(other -> distance(word, other)))
        .limit(3)
        .toList();
  }

  /** Levenshtein's: how many letters to insert, remove or replace. */
  static int distance(String from, String to) {
    int[] row = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[to.length()];
  }
}
