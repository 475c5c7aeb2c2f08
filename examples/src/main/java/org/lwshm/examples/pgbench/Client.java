// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.SplittableRandom;

/**
 * A client JVM: runs transactions until the postmaster stops. It may be in the place of one that
 * was killed, and counts on from there. {@code pgbench_client.c} is the same in C.
 */
public final class Client {

  private Client() {}

  /**
   * Runs the client, as a postmaster's child.
   *
   * @param args none
   */
  public static void main(String[] args) {
    Duty.run(Client::work);
  }

  private static void work(Duty duty) {
    Bank bank = duty.bank();
    int number = duty.postmaster().parameters().number();
    int accounts = bank.size().accounts();
    int tellers = bank.size().tellers();
    SplittableRandom random =
        new SplittableRandom(ProcessHandle.current().pid() << 32 ^ System.nanoTime());
    bank.progress(number).begin();
    System.out.println("at work as client " + number);
    while (duty.goesOn()) {
      int delta = random.nextInt(-BankLayout.MAX_DELTA, BankLayout.MAX_DELTA + 1);
      bank.transact(duty, number, random.nextInt(accounts), random.nextInt(tellers), delta);
    }
  }
}
