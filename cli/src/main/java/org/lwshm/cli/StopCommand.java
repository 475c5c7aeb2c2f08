// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.lwshm.StopMode;
import org.lwshm.postmaster.RunningPostmaster;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Stops a directory's postmaster. */
@Command(
    name = "stop",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Stops the postmaster of a data directory, and waits until it has ended.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:it has ended (with -W: it was told)",
      "1:none runs, or it has not ended in time",
      "2:the command line is wrong"
    })
final class StopCommand implements Callable<Integer> {

  private static final int MAX_SECONDS = 365 * 24 * 3600;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "DIR", description = "the data directory.")
  private Path dataDir;

  @Option(
      names = {"-m", "--mode"},
      paramLabel = "MODE",
      description = {
        "smart: when the processes have ended by themselves.",
        "fast (the default): end them, and kill those that do not end in time.",
        "immediate: kill them."
      })
  private String mode = "fast";

  @Option(
      names = {"-t", "--timeout"},
      paramLabel = "SECONDS",
      description = "how long to wait (60).")
  private int seconds = 60;

  @Option(
      names = {"-W", "--no-wait"},
      description = "do not wait.")
  private boolean noWait;

  StopCommand() {}

  @Override
  public Integer call() {
    StopMode how = mode();
    if (seconds < 0 || seconds > MAX_SECONDS) {
      throw wrong("-t is " + seconds + "; it takes 0 to " + MAX_SECONDS);
    }
    PrintWriter out = spec.commandLine().getOut();
    Optional<RunningPostmaster> found = RunningPostmaster.find(dataDir);
    if (found.isEmpty() || !found.get().stop(how)) {
      spec.commandLine()
          .getErr()
          .println(Lwshm.NAME + ": no postmaster of \"" + dataDir + "\" is running");
      return Lwshm.EXIT_FAILED;
    }
    if (noWait) {
      out.println("postmaster shutting down");
      return 0;
    }
    return awaitEnd(found.get(), how, out);
  }

  private int awaitEnd(RunningPostmaster postmaster, StopMode how, PrintWriter out) {
    out.print("waiting for postmaster to shut down...");
    out.flush();
    boolean ended = postmaster.awaitEnd(Duration.ZERO);
    for (int waited = 0; !ended && waited < seconds; waited++) {
      out.print(".");
      out.flush();
      ended = postmaster.awaitEnd(Duration.ofSeconds(1));
    }
    if (ended) {
      out.println(" done");
      out.println("postmaster stopped");
      return 0;
    }
    out.println(" failed");
    PrintWriter err = spec.commandLine().getErr();
    err.println(
        Lwshm.NAME + ": postmaster " + postmaster.pid() + " does not shut down; " + wayOut(how));
    return Lwshm.EXIT_FAILED;
  }

  private static String wayOut(StopMode how) {
    return switch (how) {
      case SMART -> "\"-m fast\" ends its processes instead of waiting for them";
      case FAST -> "wait longer (-t), or kill its processes with \"-m immediate\"";
      case IMMEDIATE -> "see whether it is stopped or frozen (its state in ps), or kill -9 it";
    };
  }

  private StopMode mode() {
    return Arrays.stream(StopMode.values())
        .filter(value -> value.name().toLowerCase(Locale.ROOT).startsWith(mode))
        .filter(value -> mode.length() == 1 || mode.length() == value.name().length())
        .findFirst()
        .orElseThrow(
            () -> wrong("-m is \"" + mode + "\"; it takes \"smart\", \"fast\" or \"immediate\""));
  }

  private ParameterException wrong(String how) {
    return new ParameterException(spec.commandLine(), how);
  }
}
