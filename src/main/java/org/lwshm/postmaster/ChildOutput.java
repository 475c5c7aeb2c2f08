// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.PrintStream;
import org.lwshm.internal.Log;

/**
 * Where the lines go that children write to their standard output and error.
 *
 * <p>Called by one thread a child. While it sleeps, the child's writes may have to wait, too.
 */
@FunctionalInterface
public interface ChildOutput {

  /**
   * Takes a line. What is no UTF-8 in it is replaced; a very long one comes in pieces.
   *
   * @param child who wrote it
   * @param line without its end
   */
  void line(ChildInfo child, String line);

  /**
   * Passes them on to SLF4J, as infos of the logger {@code org.lwshm.postmaster.output.NAME}.
   *
   * @return what does so
   */
  static ChildOutput toLog() {
    return (child, line) ->
        Log.of("org.lwshm.postmaster.output." + child.name()).info("{}: {}", child, line);
  }

  /**
   * Prints them, each after the child's name and number.
   *
   * @param stream where to
   * @return what does so
   */
  static ChildOutput to(PrintStream stream) {
    return (child, line) -> stream.println(child.name() + "-" + child.number() + ": " + line);
  }
}
