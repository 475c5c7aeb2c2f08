// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.lwshm.Backend;
import org.lwshm.LwshmException;
import org.lwshm.Segment;

/**
 * A client JVM: attaches to the bank of a data directory, runs transactions as client number CLIENT
 * until the bank's phase says stop, and leaves. It may take the place of one that was killed.
 * {@code pgbench_client.c} is the same in C.
 *
 * <p>The demo starts it and holds the other end of its standard input, which the kernel closes
 * however the demo ends; the client ends then too.
 */
public final class Client {

  private static final long PATIENCE_MS = 1000;

  private final Bank bank;
  private final int number;
  private final CountDownLatch done = new CountDownLatch(1);
  private volatile boolean interrupted;

  private Client(Bank bank, int number) {
    this.bank = bank;
    this.number = number;
  }

  /**
   * Runs the client.
   *
   * @param args the data directory and the client's number
   */
  public static void main(String[] args) {
    if (args.length != 2) {
      System.err.println("usage: " + Client.class.getName() + " DATA_DIR CLIENT");
      System.exit(2);
    }
    endWithParent();
    Bank bank = new Bank();
    try (Segment segment = Segment.attach(Path.of(args[0]), bank)) {
      Client client = new Client(bank, Integer.parseInt(args[1]));
      segment.exitCallbacks().beforeShmemExit(client::finish);
      client.run(segment);
    } catch (LwshmException | IllegalStateException e) {
      System.err.println("client " + args[1] + ": " + e.getMessage());
      System.exit(1);
    }
  }

  private static void endWithParent() {
    Thread watcher =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {
                  // The demo sends nothing; this waits for the end.
                }
              } catch (IOException e) {
                // As good as the end.
              }
              System.exit(1);
            },
            "parent-watcher");
    watcher.setDaemon(true);
    watcher.start();
  }

  private void run(Segment segment) {
    try (Backend me = segment.join()) {
      Progress progress = bank.progress(number);
      bank.settle(me, number);
      progress.ready();
      while (phase() == BankLayout.PHASE_GATHER) {
        TimeUnit.MILLISECONDS.sleep(1);
      }
      transact(me);
      progress.done();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      done.countDown();
    }
  }

  private void transact(Backend me) {
    SplittableRandom random =
        new SplittableRandom(ProcessHandle.current().pid() << 32 ^ System.nanoTime());
    int accounts = bank.size().accounts();
    int tellers = bank.size().tellers();
    while (phase() == BankLayout.PHASE_RUN) {
      int delta = random.nextInt(-BankLayout.MAX_DELTA, BankLayout.MAX_DELTA + 1);
      bank.transact(me, number, random.nextInt(accounts), random.nextInt(tellers), delta);
    }
  }

  private int phase() {
    return interrupted ? BankLayout.PHASE_STOP : bank.phase();
  }

  /** Told to stop by a signal, it ends its transaction first. */
  private void finish() throws InterruptedException {
    interrupted = true;
    done.await(PATIENCE_MS, TimeUnit.MILLISECONDS);
  }
}
