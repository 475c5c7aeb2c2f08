// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.lwshm.DeadSegment;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Removes segments of the dead, wherever their data directories are. */
@Command(
    name = "clean",
    mixinStandardHelpOptions = true,
    description =
        "Removes segments of yours that nobody is attached to and whose creator is proven dead. A"
            + " start in a data directory does so by itself; this is for directories that are not"
            + " used any more.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:none is left", "1:one could not be removed", "2:the command line is wrong"})
final class CleanCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(
      names = {"-n", "--dry-run"},
      description = "only say which.")
  private boolean dryRun;

  CleanCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    List<DeadSegment> dead = DeadSegment.list();
    for (DeadSegment segment : dead) {
      boolean removed = !dryRun && segment.remove();
      String what = dryRun ? "would remove" : removed ? "removed" : "in use again, or gone:";
      out.println(what + " " + describe(segment));
    }
    if (dead.isEmpty()) {
      out.println("no segment of the dead is left");
    }
    return 0;
  }

  private static String describe(DeadSegment segment) {
    return "segment %d, key 0x%08x, %,d bytes, made %s by process %d%s"
        .formatted(
            segment.id(),
            segment.key(),
            segment.size(),
            segment.createdAt(),
            segment.creatorPid(),
            segment.dataDirInode() == 0
                ? ", private"
                : " for the data directory with inode " + segment.dataDirInode());
  }
}
