// SPDX-License-Identifier: Apache-2.0

package org.lwshm.chaos;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.lwshm.LwshmException;
import org.lwshm.Segment;
import org.lwshm.ShmemRequest;
import org.lwshm.ShmemSubsystem;
import org.lwshm.postmaster.ChildCommand;
import org.lwshm.postmaster.ChildInfo;
import org.lwshm.postmaster.ChildOutput;
import org.lwshm.postmaster.CrashPolicy;
import org.lwshm.postmaster.Postmaster;
import org.lwshm.postmaster.PostmasterListener;

/**
 * The postmaster that {@link PostmasterChaos} kills. Says "init", "ready" and "started PID" as it
 * comes to it, or "error …"; ends, as if killed, when its stdin does.
 *
 * <p>Arguments: data directory, log, worker program, policy.
 */
public final class ChaosPostmaster implements PostmasterListener, ShmemSubsystem {

  private static final int INIT_MS = 10;

  private ChaosPostmaster() {}

  /**
   * Runs it.
   *
   * @param args as above
   * @throws InterruptedException never
   */
  public static void main(String[] args) throws InterruptedException {
    Thread lifeline = new Thread(ChaosPostmaster::awaitEndOfInput, "lifeline");
    lifeline.setDaemon(true);
    lifeline.start();
    ChaosPostmaster self = new ChaosPostmaster();
    String log = args[1];
    String program = args[2];
    try {
      Postmaster postmaster =
          Postmaster.builder(Path.of(args[0]))
              .register(self)
              .child(ChildCommand.program("works", program, "works", log).withCount(3))
              .repairer(ChildCommand.program("repair", program, "repair", log))
              .policy(CrashPolicy.valueOf(args[3]))
              .stopTimeout(Duration.ofSeconds(2))
              .output(ChildOutput.to(System.err))
              .listener(self)
              .handleSignals()
              .start();
      System.exit(postmaster.await());
    } catch (LwshmException e) {
      say("error " + e.getMessage());
      System.exit(1);
    }
  }

  private static void awaitEndOfInput() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is said to it.
      }
    } catch (IOException e) {
      // As good as the end.
    }
    Runtime.getRuntime().halt(1);
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  @Override
  public void request(ShmemRequest request) {
    request.struct("pair", 2 * Long.BYTES);
    request.tranche("pair", 1);
  }

  @Override
  public void init(Segment segment) {
    say("init");
    try {
      Thread.sleep(INIT_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void segmentReady(Segment segment) {
    say("ready");
  }

  @Override
  public void childStarted(ChildInfo child) {
    say("started " + child.pid());
  }
}
