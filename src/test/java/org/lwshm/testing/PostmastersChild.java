// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.lwshm.Backend;
import org.lwshm.BackendParameters;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;

/**
 * A postmaster's child, and, with arguments, its postmaster too, that is there to be killed. The
 * child's commands, one a line, and what comes after "ok":
 *
 * <pre>
 * parameters        those of the environment; or "none"
 * take              slot generation
 * link              what the postmaster has told, whether it lives, and how it stops
 * lock              takes the lock "work" exclusively
 * leave, close, exit STATUS
 * linger            has the exit take forever
 * </pre>
 *
 * A reload is told as the line "reloaded", which no command asked for.
 */
public final class PostmastersChild {

  private static Backend me;
  private static Segment segment;

  private PostmastersChild() {}

  /** Arguments: data directory, file of parameters, grace in milliseconds. */
  public static void main(String[] args) throws IOException {
    if (args.length > 0) {
      segment = Segment.builder(Path.of(args[0])).maxChildren(1).create();
      Slots.assign(segment, 0, Path.of(args[1]), Long.parseLong(args[2]));
      Lines.say("ok");
    }
    try (BufferedReader in = Lines.in()) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        Lines.say(reply(line.split(" ")));
      }
    }
    Runtime.getRuntime().halt(0);
  }

  private static String reply(String[] command) {
    try {
      return ("ok " + run(command)).strip();
    } catch (RuntimeException e) {
      return "error " + e.getClass().getSimpleName() + " " + e.getMessage();
    }
  }

  private static String run(String[] command) {
    switch (command[0]) {
      case "parameters":
        return BackendParameters.fromEnvironment().map(Record::toString).orElse("none");
      case "take":
        me = Backend.fromPostmaster();
        segment = me.segment();
        segment.postmaster().onReload(PostmastersChild::fail);
        segment.postmaster().onReload(() -> Lines.say("reloaded"));
        return me.slot() + " " + segment.generation();
      case "link":
        return segment.postmaster().parameters().postmasterPid()
            + (" " + segment.postmaster().isAlive())
            + (" " + segment.postmaster().isStopping())
            + (" " + segment.postmaster().stopRequested());
      case "lock":
        segment.tranche("work").lock(0).acquire(me, LWLockMode.EXCLUSIVE);
        return "";
      case "leave":
        me.close();
        return "";
      case "close":
        segment.close();
        return "";
      case "linger":
        segment.exitCallbacks().beforeShmemExit(PostmastersChild::waitForever);
        return "";
      case "exit":
        System.exit(Integer.parseInt(command[1]));
        return "";
      default:
        throw new IllegalArgumentException("no such command: " + command[0]);
    }
  }

  private static void fail() {
    throw new IllegalStateException("a callback that fails");
  }

  private static void waitForever() {
    Lines.say("lingering");
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
