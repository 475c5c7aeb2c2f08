// SPDX-License-Identifier: Apache-2.0

package org.lwshm.internal;

import java.io.FileDescriptor;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.helpers.FormattingTuple;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.helpers.NOPLoggerFactory;

/**
 * A log that is always heard, and whose failures do not reach the caller.
 *
 * <p>It passes messages on to SLF4J. Where SLF4J has no provider, and would drop them, they go to
 * the process's standard error stream, from info on; a line before the first one says so. If the
 * provider throws (its disk is full, its classes are gone, no memory is left), the message goes
 * there, too.
 *
 * <p>Formats and arguments are SLF4J's; the last argument may be a {@link Throwable}. Any thread.
 */
public final class Log {

  private enum Level {
    DEBUG,
    INFO,
    WARNING,
    ERROR
  }

  /** A class of the artifact that one adds to silence a program's log on purpose. */
  private static final String SILENCER = "org.slf4j.nop.NOPServiceProvider";

  private static final boolean PROVIDED =
      !(LoggerFactory.getILoggerFactory() instanceof NOPLoggerFactory) || isSilenced();

  /** How long a message may take to be written, before its thread goes on without. */
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  // The console: not System.err, which may lead back to a log. Null until it is needed, and as long
  // as there is no memory or thread for it. Guarded by the class, like the next ones.
  private static PatientOutput output;
  private static PrintStream console;
  private static boolean told;
  private static boolean stuck;

  static {
    // Loaded now: when they are needed, their jar may have been overwritten.
    MessageFormatter.arrayFormat("{}", new Object[] {""});
    of(Log.class).debug("logging by {}", LoggerFactory.getILoggerFactory().getClass().getName());
  }

  private final Logger logger;

  private Log(String name) {
    logger = LoggerFactory.getLogger(name);
  }

  /**
   * The log of a class.
   *
   * @param owner which
   * @return its log
   */
  public static Log of(Class<?> owner) {
    return of(owner.getName());
  }

  /**
   * A log with a name.
   *
   * @param name which
   * @return the log
   */
  public static Log of(String name) {
    return new Log(name);
  }

  /** {@return whether SLF4J has a provider} */
  public static boolean isProvided() {
    return PROVIDED;
  }

  private static boolean isSilenced() {
    try {
      Class.forName(SILENCER, false, LoggerFactory.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  /**
   * Logs what helps to find a fault; never to the standard error stream.
   *
   * @param format SLF4J's
   * @param arguments what stands for each {@code {}}
   */
  public void debug(String format, Object... arguments) {
    log(Level.DEBUG, format, arguments);
  }

  /**
   * Logs what happens.
   *
   * @param format SLF4J's
   * @param arguments what stands for each {@code {}}
   */
  public void info(String format, Object... arguments) {
    log(Level.INFO, format, arguments);
  }

  /**
   * Logs what should not happen, and is put right.
   *
   * @param format SLF4J's
   * @param arguments what stands for each {@code {}}
   */
  public void warn(String format, Object... arguments) {
    log(Level.WARNING, format, arguments);
  }

  /**
   * Logs what has failed.
   *
   * @param format SLF4J's
   * @param arguments what stands for each {@code {}}
   */
  public void error(String format, Object... arguments) {
    log(Level.ERROR, format, arguments);
  }

  /**
   * Logs what should not happen, and is put right. Throws nothing, not even if no memory is left.
   *
   * @param message what has happened
   * @param cause why
   */
  public void warn(String message, Throwable cause) {
    log(Level.WARNING, message, cause);
  }

  /**
   * Logs what has failed. Throws nothing, not even if no memory is left.
   *
   * @param message what has happened
   * @param cause why
   */
  public void error(String message, Throwable cause) {
    log(Level.ERROR, message, cause);
  }

  private void log(Level level, String message, Throwable cause) {
    try {
      log(level, message, new Object[] {cause});
    } catch (Throwable e) {
      // Nobody is left to tell, and the caller has work to do.
    }
  }

  private void log(Level level, String format, Object[] arguments) {
    try {
      if (PROVIDED) {
        pass(level, format, arguments);
        return;
      }
    } catch (Throwable e) {
      print(level, "the log has failed, and this was to be said: " + format, arguments);
      return;
    }
    if (level != Level.DEBUG) {
      print(level, format, arguments);
    }
  }

  private void pass(Level level, String format, Object[] arguments) {
    switch (level) {
      case DEBUG -> logger.debug(format, arguments);
      case INFO -> logger.info(format, arguments);
      case WARNING -> logger.warn(format, arguments);
      case ERROR -> logger.error(format, arguments);
    }
  }

  private static synchronized void print(Level level, String format, Object[] arguments) {
    try {
      openConsole();
      if (!PROVIDED && !told) {
        told = true;
        console.println(
            "lwshm: SLF4J has no provider here, so the log goes to the standard error stream");
      }
      FormattingTuple message = MessageFormatter.arrayFormat(format, arguments);
      console.println(
          "lwshm: " + level.name().toLowerCase(Locale.ROOT) + ": " + message.getMessage());
      if (message.getThrowable() != null) {
        message.getThrowable().printStackTrace(console);
      }
      awaitWritten();
    } catch (Throwable e) {
      // Nobody is left to tell, and the caller has work to do.
    }
  }

  private static void openConsole() {
    if (console == null) {
      output = new PatientOutput(new PatientStream(FileDescriptor.err));
      console = new PrintStream(output, true, StandardCharsets.UTF_8);
    }
  }

  /** The process may be about to end. But nobody waits twice for a reader that does not read. */
  private static void awaitWritten() {
    try {
      stuck = !output.await(stuck ? Duration.ZERO : PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
