// SPDX-License-Identifier: Apache-2.0

package org.lwshm.sync;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import org.lwshm.Backend;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;
import org.lwshm.testing.Lines;

/**
 * A process that uses a semaphore as a test tells it; {@code sync/semaphore_program.c} is the same
 * in C. Commands, and what comes after "ok" in the reply:
 *
 * <pre>
 * attach DIR NAME           the semaphore, and the struct "use"
 * acquire N, release N
 * held                      how many it has
 * contend TURNS MOST        most that it ever saw in use, which it counts in the struct
 * churn MOST                says "ok", and then takes and releases until it is killed
 * </pre>
 */
public final class SemaphoreMember {

  static final String C_PROGRAM = "sync/semaphore_program";

  /** Of the struct "use": how many are in use, and how often one that churns has had some. */
  static final long IN_USE = 0;

  static final long TURNS = 8;
  static final long USE_BYTES = 16;

  private static Backend me;
  private static Semaphore semaphore;
  private static SharedStruct use;

  private SemaphoreMember() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    BufferedReader in = Lines.in();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      Lines.say(("ok " + run(line.split(" "))).strip());
    }
    System.exit(0);
  }

  private static String run(String[] c) throws InterruptedException {
    switch (c[0]) {
      case "attach":
        Segment segment = Segment.attach(Path.of(c[1]));
        me = segment.join();
        semaphore = Semaphore.find(segment, c[2]);
        use = segment.struct("use");
        return "";
      case "acquire":
        semaphore.acquire(me, Integer.parseInt(c[1]));
        return "";
      case "release":
        semaphore.release(me, Integer.parseInt(c[1]));
        return "";
      case "held":
        return "" + semaphore.heldBy(me);
      case "contend":
        return "" + contend(Integer.parseInt(c[1]), Integer.parseInt(c[2]));
      case "churn":
        Lines.say("ok");
        churn(Integer.parseInt(c[1]));
        return "";
      default:
        throw new IllegalArgumentException("no such command: " + c[0]);
    }
  }

  private static long contend(int turns, int most) throws InterruptedException {
    long seen = 0;
    for (int turn = 0; turn < turns; turn++) {
      int permits = 1 + turn % most;
      semaphore.acquire(me, permits);
      seen = Math.max(seen, use.getAndAddLong(IN_USE, permits) + permits);
      if (turn % 8 == 0) {
        Thread.yield();
      }
      use.getAndAddLong(IN_USE, -permits);
      semaphore.release(me, permits);
    }
    return seen;
  }

  private static void churn(int most) throws InterruptedException {
    for (int turn = 0; ; turn++) {
      semaphore.acquire(me, 1 + turn % most);
      use.getAndAddLong(TURNS, 1);
      semaphore.release(me, 1 + turn % most);
    }
  }
}
