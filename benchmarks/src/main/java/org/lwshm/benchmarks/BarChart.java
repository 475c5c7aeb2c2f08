// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Groups of horizontal bars, drawn as SVG. Each group has a scale of its own, since what one lock
 * does alone and what eight processes leave of it differ a hundredfold.
 */
final class BarChart {

  private static final int NAME_WIDTH = 220;
  private static final int BAR_WIDTH = 460;
  private static final int VALUE_WIDTH = 80;
  private static final int LINE = 18;
  private static final String[] COLOURS = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777", "#a6761d",
    "#66a61e", "#7570b3", "#1b1b1b"
  };

  private record Bar(String name, double value) {}

  private record Group(String title, List<Bar> bars) {}

  private final String title;
  private final String unit;
  private final List<Group> groups = new ArrayList<>();
  private final List<String> names = new ArrayList<>();

  BarChart(String title, String unit) {
    this.title = title;
    this.unit = unit;
  }

  /** Begins a group; the bars that follow are in it. */
  void group(String groupTitle) {
    groups.add(new Group(groupTitle, new ArrayList<>()));
  }

  /** Bars of one name have one colour. */
  void bar(String name, double value) {
    groups.get(groups.size() - 1).bars().add(new Bar(name, value));
    if (!names.contains(name)) {
      names.add(name);
    }
  }

  void write(Path file) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, svg());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String svg() {
    StringBuilder body = new StringBuilder();
    int y = 2 * LINE;
    text(body, 10, y, "bold", title);
    y += LINE;
    text(body, 10, y, "normal", unit + ", medians; longer is better");
    for (Group group : groups) {
      y += 2 * LINE;
      text(body, 10, y, "bold", group.title());
      double most = group.bars().stream().mapToDouble(Bar::value).max().orElse(1);
      for (Bar bar : group.bars()) {
        y += LINE;
        double width = Math.max(1, BAR_WIDTH * bar.value() / most);
        text(body, 20, y, "normal", bar.name());
        body.append(
            String.format(
                Locale.ROOT,
                "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n",
                NAME_WIDTH,
                y - LINE + 6,
                width,
                LINE - 4,
                COLOURS[names.indexOf(bar.name()) % COLOURS.length]));
        text(
            body,
            (int) (NAME_WIDTH + width + 6),
            y,
            "normal",
            String.format(Locale.ROOT, bar.value() < 10 ? "%.2f" : "%.0f", bar.value()));
      }
    }
    int width = NAME_WIDTH + BAR_WIDTH + VALUE_WIDTH;
    return String.format(
            Locale.ROOT,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                + " font-family=\"sans-serif\" font-size=\"12\">%n"
                + "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>%n",
            width,
            y + LINE)
        + body
        + "</svg>\n";
  }

  private static void text(StringBuilder to, int x, int y, String weight, String words) {
    to.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%d\" y=\"%d\" font-weight=\"%s\">%s</text>%n",
            x,
            y,
            weight,
            words.replace("&", "&amp;").replace("<", "&lt;")));
  }
}
