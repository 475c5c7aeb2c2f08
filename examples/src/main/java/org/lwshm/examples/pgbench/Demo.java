// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.lwshm.LwshmException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The demo's command line. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    showDefaultValues = true,
    description =
        "Runs pgbench's TPC-B-like workload on a bank in shared memory: JVMs and C programs move"
            + " money under LWLocks while an auditor checks that the books agree. A postmaster"
            + " starts them and replaces those that are killed.")
public final class Demo implements Callable<Integer> {

  private static final int MAX_CLIENTS = 48;
  private static final int MAX_KILLS = 1000;
  private static final int MAX_SCALE = 300;
  private static final int MAX_ACCOUNTS = 1_000_000;
  private static final int MAX_SECONDS = 86_400;

  @Spec private CommandSpec spec;

  @Option(names = "--clients", paramLabel = "N", description = "client JVMs.")
  private int clients = 3;

  @Option(names = "--c-clients", paramLabel = "N", description = "client C programs.")
  private int cClients = 1;

  @Option(
      names = "--kills",
      paramLabel = "N",
      description =
          "how often a client is killed in the middle of a transaction: in turn a JVM and a C"
              + " program.")
  private int kills = 2;

  @Option(
      names = "--no-undo",
      description = "repair nothing after a kill, and see that the books agree no more.")
  private boolean noUndo;

  @Option(names = "--seconds", paramLabel = "N", description = "how long the clients run.")
  private int seconds = 5;

  @Option(
      names = "--scale",
      paramLabel = "N",
      description = "branches; each has 10 tellers, and accounts.")
  private int scale = 2;

  @Option(
      names = "--accounts",
      paramLabel = "N",
      description = "accounts a branch (pgbench: 100,000).")
  private int accounts = 10_000;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description =
          "an existing directory that the segment belongs to; a temporary one if left out.")
  private Path dataDir;

  @Option(
      names = "--c-client",
      paramLabel = "FILE",
      description = "the C program, examples/target/bin/pgbench_client.")
  private Path cClient;

  private Demo() {}

  /**
   * Runs the demo and exits: 0 if all was well, 1 if not, 2 if an option is wrong.
   *
   * @param args the options; --help names them
   */
  public static void main(String[] args) {
    // demo.sh names the C program; who names another one means that.
    CommandLine line = new CommandLine(new Demo()).setOverwrittenOptionsAllowed(true);
    line.setParameterExceptionHandler(
        (e, wrong) -> {
          System.err.println("demo: " + e.getMessage() + " (--help names the options)");
          return CommandLine.ExitCode.USAGE;
        });
    System.exit(line.execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    requireRange("--clients", clients, 0, MAX_CLIENTS);
    requireRange("--c-clients", cClients, 0, MAX_CLIENTS);
    requireRange("--clients and --c-clients together", clients + cClients, 1, MAX_CLIENTS);
    requireRange("--kills", kills, 0, MAX_KILLS);
    requireRange("--seconds", seconds, 1, MAX_SECONDS);
    requireRange("--scale", scale, 1, MAX_SCALE);
    requireRange("--accounts", accounts, 1, MAX_ACCOUNTS);
    if (cClients > 0 && (cClient == null || !Files.isExecutable(cClient))) {
      throw wrong(
          cClient == null
              ? "--c-clients needs --c-client, the program"
              : "--c-client: " + cClient + " cannot be executed; `make examples` builds it");
    }
    Bank bank = new Bank(new BankSize(scale, accounts, clients + cClients), !noUndo);
    DataDir directory = dataDir == null ? DataDir.temporary() : DataDir.of(dataDir);
    try {
      Run run = new Run(bank, new Clients(clients, cClients), directory);
      return run.run(cClient, seconds, kills) ? 0 : 1;
    } catch (LwshmException e) {
      System.out.println("demo: " + e.getMessage());
      return 1;
    }
  }

  private void requireRange(String option, int value, int min, int max) {
    if (value < min || value > max) {
      throw wrong(option + " is " + value + "; it must be " + min + " to " + max);
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
