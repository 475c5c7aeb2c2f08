// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.lwshm.internal.Preloading;
import org.lwshm.postmaster.Postmaster;
import org.lwshm.postmaster.PostmasterBuilder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs a program as a supervised pool. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Starts a program several times, has the processes share a segment, and replaces those that"
          + " crash. The program need not know of lwshm.",
      "SIGTERM stops it when the processes have ended by themselves, SIGINT ends them, SIGUSR1"
          + " kills them, SIGHUP has them reload."
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:it was stopped, or all processes have ended with success",
      "1:it was refused, or something failed, or a process that is not replaced",
      "2:the command line is wrong",
      "3:it gave up after a crash (restart_after_crash = off, or during a smart stop)"
    })
final class RunCommand implements Callable<Integer> {

  /** Most bytes of the name of a child. */
  private static final int MAX_NAME = 63;

  private CommandSpec spec;

  @Option(
      names = {"-D", "--data-dir"},
      required = true,
      paramLabel = "DIR",
      description = "an existing directory of yours, which the segment belongs to.")
  private Path dataDir;

  @Option(names = "--config", paramLabel = "FILE", description = "what stands in FILE; see below.")
  private Path config;

  @Option(names = "--backends", paramLabel = "N", description = "how many processes (1).")
  private String backends;

  @Option(
      names = "--policy",
      paramLabel = "POLICY",
      description =
          "recover (the default): replace who has crashed. restart-all: end all others,"
              + " too, and begin anew.")
  private String policy;

  @Option(
      names = "--keep-data",
      description = "take over the data of a pool that was killed as a whole.")
  private boolean keepData;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "of the processes in messages; the program's if left out.")
  private String name;

  @Option(names = "--verbose", description = "say more in the log, and where an error came from.")
  private boolean verbose;

  @Parameters(
      arity = "1..*",
      paramLabel = "COMMAND",
      description = "the program and its arguments; put -- before them.")
  private List<String> command;

  RunCommand() {}

  @Spec
  void spec(CommandSpec its) {
    spec = its;
    its.usageMessage().footer(footer());
  }

  private static String[] footer() {
    StringBuilder text = new StringBuilder("%nA config has a line for each key, KEY = VALUE:%n");
    for (ConfigKey key : ConfigKeys.ALL) {
      text.append("  %-20s".formatted(key.display())).append(' ').append(key.meaning());
      text.append("%n");
    }
    text.append("What the command line says wins. docs/operations.md says more.");
    return text.toString().split("%n", -1);
  }

  boolean isVerbose() {
    return verbose;
  }

  @Override
  public Integer call() throws InterruptedException {
    if (verbose) {
      // Before the first logger.
      System.setProperty("org.slf4j.simpleLogger.log.org.lwshm", "debug");
    }
    PoolConfig pool = config == null ? new PoolConfig() : PoolConfig.read(config);
    takeOption("--backends", "backends", backends, pool);
    takeOption("--policy", "policy", policy, pool);
    takeOption("--keep-data", "keep_data", keepData ? "on" : null, pool);
    PostmasterBuilder builder = Postmaster.builder(dataDir);
    pool.apply(builder, name == null ? defaultName(command.get(0)) : name, command, System.out);
    // An upgrade may overwrite the jars before this ends.
    Preloading.loadPackage(Lwshm.class);
    Preloading.loadPackage(CommandLine.class);
    if (config != null) {
      builder.onReload(new ConfigReload(config, pool));
    }
    try (Postmaster postmaster = builder.handleSignals().start()) {
      return postmaster.await();
    }
  }

  private void takeOption(String option, String key, String value, PoolConfig pool) {
    if (value == null) {
      return;
    }
    ConfigKey known = ConfigKeys.get(key);
    try {
      known.set(pool, key, value);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          spec.commandLine(), option + " is \"" + value + "\"; it takes " + known.rule());
    }
  }

  /** The program's own name, as far as it fits. */
  static String defaultName(String program) {
    String name = program.substring(program.lastIndexOf('/') + 1);
    while (name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME) {
      name = name.substring(0, name.offsetByCodePoints(name.length(), -1));
    }
    return name.isEmpty() ? "child" : name;
  }
}
