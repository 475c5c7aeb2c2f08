// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

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
 *
 * <p>It writes the SVG itself: the chart libraries draw with AWT, and know no scale for each group.
 */
public final class BarChart {

  private static final int NAME_WIDTH = 220;
  private static final int BAR_WIDTH = 460;
  private static final int VALUE_WIDTH = 80;
  private static final int LINE = 18;
  private static final String[] COLOURS = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777", "#a6761d",
    "#66a61e", "#7570b3", "#1b1b1b"
  };

  private record Bar(String name, double value) {}

  private record Group(String title, List<Bar> bars) {

    double most() {
      return bars.stream().mapToDouble(Bar::value).max().orElse(1);
    }
  }

  private final String title;
  private final String unit;
  private final List<Group> groups = new ArrayList<>();
  private final List<String> names = new ArrayList<>();

  // What is drawn, and how far down.
  private final StringBuilder svg = new StringBuilder();
  private int y;

  /** Begins a chart without bars. */
  public BarChart(String title, String unit) {
    this.title = title;
    this.unit = unit;
  }

  /** Begins a group; the bars that follow are in it. */
  public void group(String groupTitle) {
    groups.add(new Group(groupTitle, new ArrayList<>()));
  }

  /** Adds a bar; bars of one name have one colour. */
  public void bar(String name, double value) {
    groups.get(groups.size() - 1).bars().add(new Bar(name, value));
    if (!names.contains(name)) {
      names.add(name);
    }
  }

  /** Writes the file, in place of an earlier one. */
  public void write(Path file) {
    svg.setLength(0);
    y = LINE;
    text(10, LINE, "bold", title);
    text(10, LINE, "normal", unit + ", medians; longer is better");
    groups.forEach(this::draw);
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, frame() + svg + "</svg>\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void draw(Group group) {
    text(10, 2 * LINE, "bold", group.title());
    for (Bar bar : group.bars()) {
      double width = Math.max(1, BAR_WIDTH * bar.value() / group.most());
      text(20, LINE, "normal", bar.name());
      print(
          "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n",
          NAME_WIDTH, y - LINE + 6, width, LINE - 4, colour(bar.name()));
      String value = String.format(Locale.ROOT, bar.value() < 10 ? "%.2f" : "%.0f", bar.value());
      text((int) (NAME_WIDTH + width + 6), 0, "normal", value);
    }
  }

  private String colour(String name) {
    return COLOURS[names.indexOf(name) % COLOURS.length];
  }

  private String frame() {
    return String.format(
        Locale.ROOT,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
            + " font-family=\"sans-serif\" font-size=\"12\">%n"
            + "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>%n",
        NAME_WIDTH + BAR_WIDTH + VALUE_WIDTH,
        y + LINE);
  }

  private void text(int x, int down, String weight, String words) {
    y += down;
    String escaped = words.replace("&", "&amp;").replace("<", "&lt;");
    print("<text x=\"%d\" y=\"%d\" font-weight=\"%s\">%s</text>%n", x, y, weight, escaped);
  }

  private void print(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}
