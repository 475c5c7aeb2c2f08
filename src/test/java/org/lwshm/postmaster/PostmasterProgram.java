// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.lwshm.LwshmException;
import org.lwshm.Segment;
import org.lwshm.testing.Lifeline;
import org.lwshm.testing.Lines;

/**
 * A postmaster in a process of its own, to be killed.
 *
 * <p>Arguments: data directory, log, worker program, then any of {@code policy=}, {@code
 * start-timeout=}, {@code stop-timeout=} (milliseconds), {@code repairer=BEHAVIOUR}, {@code
 * child=BEHAVIOUR*COUNT}, {@code java=BEHAVIOUR*COUNT}, {@code program=COMMAND} (in the data
 * directory), {@code keep-data=yes}, {@code signals=yes} (the postmaster handles them), {@code
 * output=log} or {@code output=console}, {@code exit=CODE} (with that, once it has started).
 *
 * <p>It says "ok ready GENERATION SHMID KEY", "ok started NAME NUMBER PID", "ok restarting REASON",
 * "ok reloaded", or "error …" if it cannot start; then it stays, without a postmaster. Otherwise it
 * exits with what that says.
 */
public final class PostmasterProgram implements PostmasterListener {

  private final Path dataDir;
  private final PostmasterBuilder builder;
  private final String log;
  private final String program;
  private int exit;

  private PostmasterProgram(Path dataDir, String log, String program) throws IOException {
    this.dataDir = dataDir.toRealPath();
    this.log = log;
    this.program = program;
    builder =
        Postmaster.builder(dataDir)
            .register(new Pair())
            .output(ChildOutput.to(System.err))
            .listener(this)
            .onReload(() -> Lines.say("ok reloaded"));
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    Lifeline.hold();
    PostmasterProgram program = new PostmasterProgram(Path.of(args[0]), args[1], args[2]);
    for (int i = 3; i < args.length; i++) {
      String[] option = args[i].split("=", 2);
      program.set(option[0], option[1]);
    }
    System.exit(program.run());
  }

  private void set(String option, String value) {
    switch (option) {
      case "policy" -> builder.policy(CrashPolicy.valueOf(value));
      case "start-timeout" -> builder.startTimeout(Duration.ofMillis(Long.parseLong(value)));
      case "stop-timeout" -> builder.stopTimeout(Duration.ofMillis(Long.parseLong(value)));
      case "repairer" -> builder.repairer(worker(value));
      case "keep-data" -> builder.keepData(true);
      case "output" -> builder.output(output(value));
      case "signals" -> builder.handleSignals();
      case "exit" -> exit = Integer.parseInt(value);
      case "program" ->
          builder.child(ChildCommand.program("program", value.split(" ")).withDirectory(dataDir));
      case "java" -> {
        String[] child = value.split("\\*");
        builder.child(
            ChildCommand.java("java", JavaWorker.class, log, child[0])
                .withCount(Integer.parseInt(child[1])));
      }
      case "child" -> {
        String[] child = value.split("\\*");
        builder.child(worker(child[0]).withCount(Integer.parseInt(child[1])));
      }
      default -> throw new IllegalArgumentException(option);
    }
  }

  private static ChildOutput output(String to) {
    return to.equals("log") ? ChildOutput.toLog() : ChildOutput.toConsole();
  }

  private ChildCommand worker(String behaviour) {
    return ChildCommand.program(behaviour, program, behaviour, log);
  }

  private int run() throws InterruptedException {
    try {
      Postmaster postmaster = builder.start();
      return exit != 0 ? exit : postmaster.await();
    } catch (LwshmException e) {
      Lines.say("error " + e.getMessage());
      Thread.sleep(Long.MAX_VALUE);
      return 1;
    }
  }

  @Override
  public void segmentReady(Segment segment) {
    segment
        .exitCallbacks()
        .beforeShmemExit(() -> new StepLog(Path.of(log)).note("before_shmem_exit"));
    Lines.say("ok ready " + segment.generation() + " " + segment.id() + " " + segment.key());
  }

  @Override
  public void childStarted(ChildInfo child) {
    Lines.say("ok started " + child.name() + " " + child.number() + " " + child.pid());
  }

  @Override
  public void restartingAll(String reason) {
    Lines.say("ok restarting " + reason);
  }
}
