// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.lwshm.postmaster.RunningPostmaster;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Has a directory's postmaster and its children reload. */
@Command(
    name = "reload",
    mixinStandardHelpOptions = true,
    description =
        "Has the postmaster of a data directory look at its config, and its processes call their"
            + " reload callbacks.")
final class ReloadCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "DIR", description = "the data directory.")
  private Path dataDir;

  ReloadCommand() {}

  @Override
  public Integer call() {
    Optional<RunningPostmaster> found = RunningPostmaster.find(dataDir);
    if (found.isEmpty() || !found.get().reload()) {
      spec.commandLine()
          .getErr()
          .println(Lwshm.NAME + ": no postmaster of \"" + dataDir + "\" is running");
      return Lwshm.EXIT_FAILED;
    }
    spec.commandLine().getOut().println("postmaster signaled");
    return 0;
  }
}
