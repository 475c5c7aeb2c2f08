// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.FileDescriptor;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicBoolean;
import org.lwshm.internal.Log;
import org.lwshm.internal.PatientStream;

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
   * Passes them on to SLF4J, as infos of the logger {@code org.lwshm.postmaster.output.NAME}; where
   * SLF4J has no provider, to the standard error stream.
   *
   * @return what does so
   */
  static ChildOutput toLog() {
    return (child, line) ->
        Log.of("org.lwshm.postmaster.output." + child.name()).info("{}: {}", child, line);
  }

  /**
   * Writes them to this process's standard output, each after the child's name and number. If that
   * is a pipe that is full, the child waits for its reader, also if the pipe does not block.
   *
   * @return what does so
   */
  static ChildOutput toConsole() {
    return to(new PrintStream(new PatientStream(FileDescriptor.out), true, StandardCharsets.UTF_8));
  }

  /**
   * Prints them, each after the child's name and number.
   *
   * <p>A {@link PrintStream} keeps its errors to itself, and {@code System.out} loses what does not
   * fit into a pipe that does not block: the log says once that it has failed. In the POSIX locale
   * it loses all but ASCII, too. Prefer {@link #toConsole} to {@code to(System.out)}.
   *
   * @param stream where to; what its character set lacks is replaced
   * @return what does so
   */
  static ChildOutput to(PrintStream stream) {
    AtomicBoolean told = new AtomicBoolean();
    return (child, line) -> {
      stream.println(child.name() + "-" + child.number() + ": " + line);
      if (stream.checkError() && !told.getAndSet(true)) {
        Log.of(ChildOutput.class)
            .error("the stream for the children's output has failed: lines are lost from here on");
      }
    };
  }
}
