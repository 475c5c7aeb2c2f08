// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.io.FileDescriptor;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.lwshm.internal.PatientOutput;
import org.lwshm.internal.PatientStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/** The lwshm command. */
@Command(
    name = Lwshm.NAME,
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "PostgreSQL's shared memory for the JVMs and C processes of one host.",
    subcommands = {
      RunCommand.class,
      StatusCommand.class,
      StopCommand.class,
      ReloadCommand.class,
      CleanCommand.class
    })
public final class Lwshm {

  static final String NAME = "lwshm";

  /** Something failed, or was refused. */
  static final int EXIT_FAILED = 1;

  /** How long the end waits for who reads stderr. */
  private static final Duration LOG_PATIENCE = Duration.ofSeconds(1);

  private Lwshm() {}

  /**
   * Runs the command and exits with its exit code.
   *
   * @param args as {@code --help} says
   * @throws InterruptedException if somebody interrupts it, which nobody does
   */
  public static void main(String[] args) throws InterruptedException {
    // Not as the locale has it: what children write is passed on as it is.
    PrintStream out = stream(new PatientStream(FileDescriptor.out));
    PatientOutput log = new PatientOutput(new PatientStream(FileDescriptor.err));
    PrintStream err = stream(log);
    System.setOut(out);
    System.setErr(err);
    int exitCode = execute(new PrintWriter(out, true), new PrintWriter(err, true), args);
    log.await(LOG_PATIENCE);
    System.exit(exitCode);
  }

  private static PrintStream stream(OutputStream to) {
    return new PrintStream(to, true, StandardCharsets.UTF_8);
  }

  /** Runs the command; returns what to exit with. */
  static int execute(PrintWriter out, PrintWriter err, String... args) {
    CommandLine line = new CommandLine(new Lwshm());
    // The pool's command may have arguments that begin with @.
    line.setExpandAtFiles(false);
    line.setOut(out).setErr(err);
    // What comes after the pool's command belongs to it, even if it looks like an option.
    line.getSubcommands().get("run").setStopAtPositional(true);
    line.setParameterExceptionHandler(
        (e, wrong) -> {
          complain(err, e);
          return CommandLine.ExitCode.USAGE;
        });
    line.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          // The message says all that a user can do something about.
          err.println(NAME + ": " + (e.getMessage() == null ? e : e.getMessage()));
          if (command.getCommand() instanceof RunCommand run && run.isVerbose()) {
            e.printStackTrace(err);
          }
          return EXIT_FAILED;
        });
    if (args.length == 0) {
      line.usage(err);
      return CommandLine.ExitCode.USAGE;
    }
    return line.execute(args);
  }

  private static void complain(PrintWriter err, ParameterException e) {
    String command = e.getCommandLine().getCommandSpec().qualifiedName();
    err.println(command + ": " + e.getMessage() + " (" + command + " --help says more)");
  }
}
