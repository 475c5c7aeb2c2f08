// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.lwshm.jni.PostmasterNative;

/**
 * What a postmaster starts children by: a program with its arguments, how many of it, what they
 * find in their environment, and when they are replaced. Immutable; each {@code with…} returns
 * another one.
 *
 * <p>A child begins in a session of its own, with {@code /dev/null} as its standard input. It gets
 * the postmaster's environment, and in it {@code LWSHM_BACKEND_PARAMETERS}, a file by which {@link
 * org.lwshm.Backend#fromPostmaster} and {@code lwshm_backend_from_postmaster()} find its place, and
 * {@code LWSHM_CHILD_NUMBER}, which of the children of its name it is, from 0. A program that knows
 * nothing of lwshm is supervised just the same.
 *
 * <p>Source: PostgreSQL's {@code BackgroundWorker}, src/include/postmaster/bgworker.h.
 */
public final class ChildCommand {

  /** Most children of one command. */
  static final int MAX_COUNT = 1024;

  /** Longest time that may be asked for: sums with the present time do not overflow. */
  static final Duration MAX_TIME = Duration.ofDays(365);

  private static final Duration FIRST_DELAY = Duration.ofMillis(100);
  private static final Duration LONGEST_DELAY = Duration.ofSeconds(30);
  private static final Duration STEADY = Duration.ofSeconds(10);

  private final String name;
  private final List<String> arguments;
  private int count = 1;
  private Restart restart = Restart.ON_FAILURE;
  private Duration firstDelay = FIRST_DELAY;
  private Duration longestDelay = LONGEST_DELAY;
  private Duration steady = STEADY;
  private Path directory;
  private Map<String, String> environment = Map.of();
  private boolean isJava;

  private ChildCommand(String name, List<String> arguments) {
    this.name = requireName(name);
    this.arguments = List.copyOf(arguments);
    if (arguments.isEmpty() || arguments.get(0).isEmpty()) {
      throw new IllegalArgumentException("child \"" + name + "\" has no program");
    }
    arguments.forEach(argument -> requireNoNul("an argument", argument));
  }

  private ChildCommand(ChildCommand other) {
    this(other, other.arguments);
  }

  private ChildCommand(ChildCommand other, List<String> arguments) {
    name = other.name;
    this.arguments = List.copyOf(arguments);
    count = other.count;
    restart = other.restart;
    firstDelay = other.firstDelay;
    longestDelay = other.longestDelay;
    steady = other.steady;
    directory = other.directory;
    environment = other.environment;
    isJava = other.isJava;
  }

  /**
   * Any program.
   *
   * @param name that the children have in messages, 1 to 63 bytes
   * @param command the program, which is looked for on the {@code PATH} if there is no slash in it,
   *     and its arguments
   * @return the command, for one child, replaced on failure
   */
  public static ChildCommand program(String name, String... command) {
    return new ChildCommand(name, List.of(command));
  }

  /**
   * A main class, in a JVM like this one: of the same JDK, with the same module path, modules and
   * class path. Other options of this JVM's it gets only with {@link #withJvmOptions}.
   *
   * @param name that the children have in messages, 1 to 63 bytes
   * @param mainClass with a {@code main} method
   * @param arguments for that
   * @return the command, for one child, replaced on failure
   * @throws IllegalArgumentException if the class is on neither path, but has a class loader of its
   *     own
   */
  public static ChildCommand java(String name, Class<?> mainClass, String... arguments) {
    ChildCommand command = new ChildCommand(name, JavaCommand.of(mainClass, List.of(arguments)));
    command.isJava = true;
    return command;
  }

  /**
   * Options for the JVM of a command that was made with {@link #java}.
   *
   * @param options as the {@code java} command takes them
   * @return the command with them
   */
  public ChildCommand withJvmOptions(String... options) {
    List<String> command = new ArrayList<>(arguments);
    command.addAll(1, List.of(options));
    return new ChildCommand(this, command);
  }

  /**
   * How many children there shall be.
   *
   * @param children 1 to 1024
   * @return the command with it
   */
  public ChildCommand withCount(int children) {
    if (children < 1 || children > MAX_COUNT) {
      throw new IllegalArgumentException(
          "count of child \"" + name + "\" is " + children + "; it takes 1 to " + MAX_COUNT);
    }
    ChildCommand other = new ChildCommand(this);
    other.count = children;
    return other;
  }

  /**
   * When a child that has ended is replaced.
   *
   * @param rule which
   * @return the command with it
   */
  public ChildCommand withRestart(Restart rule) {
    ChildCommand other = new ChildCommand(this);
    other.restart = Objects.requireNonNull(rule, "rule");
    return other;
  }

  /**
   * How long to wait before a child is replaced that did not run long: not at all the first time,
   * then {@code first}, and twice as long each further time, up to {@code longest}.
   *
   * @param first the first delay that is one
   * @param longest the longest delay, at most 365 days
   * @param steadyAfter who ran so long counts as new; at most 365 days
   * @return the command with it
   */
  public ChildCommand withBackOff(Duration first, Duration longest, Duration steadyAfter) {
    if (first.isNegative()
        || longest.compareTo(first) < 0
        || longest.compareTo(MAX_TIME) > 0
        || steadyAfter.isNegative()
        || steadyAfter.compareTo(MAX_TIME) > 0) {
      throw new IllegalArgumentException(
          "back-off of child \"%s\" is first %s, longest %s, steady after %s; each takes 0 to 365"
                  .formatted(name, first, longest, steadyAfter)
              + " days, and the longest is no shorter than the first");
    }
    ChildCommand other = new ChildCommand(this);
    other.firstDelay = first;
    other.longestDelay = longest;
    other.steady = steadyAfter;
    return other;
  }

  /**
   * A variable of the children's environment.
   *
   * @param variable its name
   * @param value what it is
   * @return the command with it
   */
  public ChildCommand withEnvironment(String variable, String value) {
    requireNoNul("an environment variable", variable);
    requireNoNul("an environment variable's value", value);
    if (variable.isEmpty() || variable.indexOf('=') >= 0) {
      throw new IllegalArgumentException(
          "\"" + variable + "\" cannot name an environment variable: it is empty or has a = in it");
    }
    ChildCommand other = new ChildCommand(this);
    Map<String, String> variables = new LinkedHashMap<>(environment);
    variables.put(variable, value);
    other.environment = variables;
    return other;
  }

  /**
   * The directory that the children start in; the postmaster's if this is not said.
   *
   * @param where an existing directory
   * @return the command with it
   */
  public ChildCommand withDirectory(Path where) {
    ChildCommand other = new ChildCommand(this);
    other.directory = Objects.requireNonNull(where, "where");
    return other;
  }

  /** {@return the children's name} */
  public String name() {
    return name;
  }

  /** {@return the program and its arguments} */
  public List<String> arguments() {
    return arguments;
  }

  /** Whether the program is {@code java}, which may read its arguments from a file. */
  boolean isJava() {
    return isJava;
  }

  /** {@return how many children there shall be} */
  public int count() {
    return count;
  }

  Restart restart() {
    return restart;
  }

  /** How long to wait before the next start, after so many ends in a row that came too soon. */
  Duration delay(int failures) {
    if (failures <= 1) {
      return Duration.ZERO;
    }
    Duration delay = firstDelay;
    for (int i = 2; i < failures && delay.compareTo(longestDelay) < 0; i++) {
      delay = delay.multipliedBy(2);
    }
    return delay.compareTo(longestDelay) < 0 ? delay : longestDelay;
  }

  Duration steady() {
    return steady;
  }

  /** Where its children start; null: where the postmaster is. */
  Path directory() {
    return directory;
  }

  Map<String, String> environment() {
    return environment;
  }

  private static String requireName(String name) {
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    if (name.chars().anyMatch(Character::isISOControl)) {
      throw new IllegalArgumentException(
          "the name of a child has a control character in it: \""
              + name.replaceAll("\\p{Cntrl}", "?")
              + "\"; it stands before each line that the child writes");
    }
    if (bytes < 1 || bytes > PostmasterNative.CHILD_NAME_MAX) {
      throw new IllegalArgumentException(
          "the name of a child is \""
              + name
              + "\", "
              + bytes
              + " bytes; it takes 1 to "
              + PostmasterNative.CHILD_NAME_MAX);
    }
    return name;
  }

  private static void requireNoNul(String what, String text) {
    if (text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(what + " has a NUL in it: \"" + text + "\"");
    }
  }

  @Override
  public String toString() {
    return name + ": " + String.join(" ", arguments);
  }
}
