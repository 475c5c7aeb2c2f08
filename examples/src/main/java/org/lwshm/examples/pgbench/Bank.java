// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import static org.lwshm.examples.pgbench.BankLayout.INTENT_SIZE;
import static org.lwshm.examples.pgbench.BankLayout.PROGRESS_SIZE;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;
import org.lwshm.ShmemRequest;
import org.lwshm.ShmemSize;
import org.lwshm.ShmemSubsystem;

/**
 * pgbench's bank in shared memory: branches with their tellers and accounts, and a history.
 *
 * <p>Who makes the segment gives the bank's size; who attaches reads it there.
 */
public final class Bank implements ShmemSubsystem {

  private static final long HALT_NS = TimeUnit.MILLISECONDS.toNanos(1);

  private BankSize size;
  private boolean undo;
  private SharedStruct bank;
  private Ledger ledger;
  private BankLocks locks;
  private Casualties casualties;
  private Audits audits;
  // Of each client.
  private final List<Progress> progress = new ArrayList<>();
  private final List<Intent> intents = new ArrayList<>();

  /** A bank to attach to; public, so that the repairer can make one, too. */
  public Bank() {}

  /**
   * A bank to be made.
   *
   * @param size how large
   * @param undo whether a repair undoes what is half-done; without, the books do not agree any more
   *     after a kill
   */
  Bank(BankSize size, boolean undo) {
    this.size = size;
    this.undo = undo;
  }

  @Override
  public String name() {
    return "pgbench";
  }

  @Override
  public void request(ShmemRequest request) {
    request.struct("bank", BankLayout.BANK_SIZE);
    Ledger.request(request, size);
    request.struct("progress", ShmemSize.mul(size.clients(), PROGRESS_SIZE));
    request.struct("intents", ShmemSize.mul(size.clients(), INTENT_SIZE));
    request.struct("audits", BankLayout.AUDITS_SIZE);
    BankLocks.request(request, size);
  }

  /** All balances are zero, as the areas are; only what the bank is made of is written. */
  @Override
  public void init(Segment segment) {
    bank = segment.struct("bank");
    bank.putInt(BankLayout.BANK_VERSION, BankLayout.VERSION);
    bank.putInt(BankLayout.BANK_BRANCHES, size.branches());
    bank.putInt(BankLayout.BANK_TELLERS, size.tellers());
    bank.putInt(BankLayout.BANK_ACCOUNTS, size.accounts());
    bank.putInt(BankLayout.BANK_ACCOUNTS_PER_LOCK, size.accountsPerLock());
    bank.putInt(BankLayout.BANK_HISTORY_ROWS, BankSize.HISTORY_ROWS);
    bank.putInt(BankLayout.BANK_CLIENTS, size.clients());
    bank.putInt(BankLayout.BANK_UNDO, undo ? 1 : 0);
    find(segment);
  }

  @Override
  public void attach(Segment segment) {
    bank = segment.struct("bank");
    int version = bank.getInt(BankLayout.BANK_VERSION);
    if (version != BankLayout.VERSION) {
      throw new IllegalStateException(
          "the bank has layout " + version + "; this program knows " + BankLayout.VERSION);
    }
    int count = bank.getInt(BankLayout.BANK_BRANCHES);
    size =
        new BankSize(
            count,
            bank.getInt(BankLayout.BANK_ACCOUNTS) / count,
            bank.getInt(BankLayout.BANK_CLIENTS));
    undo = bank.getInt(BankLayout.BANK_UNDO) != 0;
    find(segment);
  }

  private void find(Segment segment) {
    casualties = new Casualties(bank);
    audits = new Audits(segment.struct("audits"));
    ledger = new Ledger(segment, size);
    locks = new BankLocks(segment, size, this::repair);
    SharedStruct progressRows = segment.struct("progress");
    SharedStruct intentRows = segment.struct("intents");
    for (long i = 0; i < size.clients(); i++) {
      Progress row = new Progress(progressRows.slice(i * PROGRESS_SIZE, PROGRESS_SIZE));
      progress.add(row);
      intents.add(new Intent(intentRows.slice(i * INTENT_SIZE, INTENT_SIZE), ledger, row));
    }
  }

  BankSize size() {
    return size;
  }

  Progress progress(int client) {
    return progress.get(client);
  }

  Intent intent(int client) {
    return intents.get(client);
  }

  Casualties casualties() {
    return casualties;
  }

  Audits audits() {
    return audits;
  }

  /**
   * Moves an amount: account, teller and the teller's branch change by it, and the history and the
   * client's progress say so. If the client is killed on the way, all of it is undone.
   */
  void transact(Duty duty, int client, int account, int teller, long delta) {
    Backend me = duty.backend();
    long kill = casualties.lastKill();
    locks.acquire(me, account, teller);
    casualties.noteWait(kill);
    Intent intent = intents.get(client);
    try {
      intent.declare(account, teller);
      ledger.setAccount(account, ledger.account(account) + delta);
      ledger.setTeller(teller, ledger.teller(teller) + delta);
      if (casualties.isVictim(client) && delta != 0) {
        haltHalfWay(duty, client);
      }
      int branch = Ledger.branchOf(teller);
      ledger.setBranch(branch, ledger.branch(branch) + delta);
      ledger.append(account, teller, client, delta);
      progress.get(client).count(delta);
      intent.withdraw();
    } finally {
      intent.undoPending(); // nothing, unless something was thrown
      locks.release(me, account, teller);
    }
  }

  /** Waits to be killed; if the postmaster stops first, nobody will. */
  private void haltHalfWay(Duty duty, int client) {
    progress.get(client).setHalted(true);
    while (casualties.isVictim(client) && duty.goesOn()) {
      LockSupport.parkNanos(HALT_NS);
    }
    progress.get(client).setHalted(false);
  }

  /**
   * The repair callback: the calling thread holds a lock, exclusively, whose holder died inside.
   * What is pending under it was the dead one's, for who is alive has pending only what it holds
   * the lock of.
   */
  private void repair(Backend me, LWLock lock) {
    for (Intent intent : intents) {
      for (Part part : Part.ALL) {
        // A living client's account and teller may change meanwhile, but not to our lock's.
        if (undo
            && intent.isPending(part)
            && locks.of(part, intent.account(), intent.teller()).equals(lock)) {
          intent.undo(part);
        }
      }
    }
    casualties.countRepair();
  }

  /** Adds everything up, with every lock held shared: nobody moves anything meanwhile. */
  Sums audit(Backend me) {
    try {
      long kill = casualties.lastKill();
      locks.acquireAll(me);
      casualties.noteWait(kill);
      return ledger.sums();
    } finally {
      me.releaseAll();
    }
  }
}
