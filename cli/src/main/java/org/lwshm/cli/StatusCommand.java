// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.lwshm.DataDirectoryException;
import org.lwshm.postmaster.ChildStatus;
import org.lwshm.postmaster.LockFileException;
import org.lwshm.postmaster.RunningPostmaster;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says whether a directory has a postmaster, and how it stands. */
@Command(
    name = "status",
    mixinStandardHelpOptions = true,
    description = "Says whether a data directory has a postmaster, and how it stands.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:it runs",
      "2:the command line is wrong",
      "3:it does not run",
      "4:there is no such data directory, or it or its lock file is of no use"
    })
final class StatusCommand implements Callable<Integer> {

  private static final int EXIT_NOT_RUNNING = 3;
  private static final int EXIT_NO_DATA_DIR = 4;

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss z");

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "DIR", description = "the data directory.")
  private Path dataDir;

  StatusCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    Optional<RunningPostmaster> found;
    try {
      found = RunningPostmaster.find(dataDir);
    } catch (DataDirectoryException | LockFileException e) {
      spec.commandLine().getErr().println(Lwshm.NAME + ": " + e.getMessage());
      return EXIT_NO_DATA_DIR;
    }
    if (found.isEmpty()) {
      out.println(Lwshm.NAME + ": no postmaster running");
      return EXIT_NOT_RUNNING;
    }
    print(found.get(), out);
    return 0;
  }

  private static void print(RunningPostmaster postmaster, PrintWriter out) {
    out.println(Lwshm.NAME + ": postmaster is running (PID: " + postmaster.pid() + ")");
    out.println("data directory: " + postmaster.dataDir());
    out.println("running since:  " + local(postmaster.startedAt()));
    out.println("status:         " + postmaster.status());
    out.println(
        "segment:        "
            + (postmaster.shmid() < 0
                ? "none"
                : "key 0x%08x, id %d".formatted(postmaster.key(), postmaster.shmid())));
    List<ChildStatus> children = postmaster.children();
    out.println(
        "processes:      %d of %d run%s"
            .formatted(
                children.stream().filter(ChildStatus::isRunning).count(),
                children.stream().filter(ChildStatus::isWanted).count(),
                postmaster.isReachable() ? "" : ", in another PID namespace"));
    for (ChildStatus child : children) {
      if (child.isWanted()) {
        out.println(
            "  %7s  %s: %s"
                .formatted(
                    child.isRunning() ? child.pid() : "-", child, describe(child, postmaster)));
      }
    }
  }

  private static String describe(ChildStatus child, RunningPostmaster postmaster) {
    String loop =
        child.isCrashLooping()
            ? "crash-loops, has ended " + child.failures() + " times in a row too soon"
            : "";
    String present =
        child.isRunning()
            ? postmaster.isReachable() ? commandLine(child.pid()) : ""
            : "next start " + local(child.nextStart());
    return loop + (loop.isEmpty() || present.isEmpty() ? "" : "; ") + present;
  }

  private static String local(Instant time) {
    return TIME.format(time.atZone(ZoneId.systemDefault()));
  }

  private static String commandLine(long pid) {
    return ProcessHandle.of(pid)
        .map(ProcessHandle::info)
        .flatMap(info -> info.commandLine().or(info::command))
        .orElse("(ending)");
  }
}
