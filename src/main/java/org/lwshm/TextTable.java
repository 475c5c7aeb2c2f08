// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Rows of words and numbers as aligned text: words to the left, numbers to the right. */
final class TextTable {

  private final List<String[]> rows = new ArrayList<>();
  private final boolean[] right;

  /** A table with these column heads; a number's head begins with a '>', which is not shown. */
  TextTable(String... heads) {
    right = new boolean[heads.length];
    String[] row = new String[heads.length];
    for (int i = 0; i < heads.length; i++) {
      right[i] = heads[i].startsWith(">");
      row[i] = right[i] ? heads[i].substring(1) : heads[i];
    }
    rows.add(row);
    rule();
  }

  /** Adds a row; numbers get thousands separators. */
  void row(Object... cells) {
    String[] row = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      row[i] =
          cells[i] instanceof Number
              ? String.format(Locale.ROOT, "%,d", cells[i])
              : String.valueOf(cells[i]);
    }
    rows.add(row);
  }

  /** Adds a line across. */
  void rule() {
    rows.add(new String[0]);
  }

  @Override
  public String toString() {
    int[] widths = new int[right.length];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        line.append(i == 0 ? "" : "  ");
        if (row.length == 0) {
          line.append("-".repeat(widths[i]));
        } else {
          String padding = " ".repeat(widths[i] - row[i].length());
          line.append(right[i] ? padding + row[i] : row[i] + padding);
        }
      }
      text.append(text.length() == 0 ? "" : "\n").append(line.toString().stripTrailing());
    }
    return text.toString();
  }
}
