// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** The lines that a child and its test exchange: UTF-8, whatever the locale. Any thread. */
public final class Lines {

  private static final PrintStream OUT =
      new PrintStream(
          new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)),
          true,
          StandardCharsets.UTF_8);

  private Lines() {}

  /** This process's standard input. */
  public static BufferedReader in() {
    return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
  }

  /** Writes a line to the standard output at once. */
  public static void say(String line) {
    OUT.println(line);
  }
}
