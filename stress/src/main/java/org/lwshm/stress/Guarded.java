// SPDX-License-Identifier: Apache-2.0

package org.lwshm.stress;

import java.util.concurrent.ThreadLocalRandom;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.LWLockTranche;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;

/**
 * Two plain words in shared memory and the lock that guards them: the state of a test.
 *
 * <p>All states of a JVM share one private segment and take a row of it by chance; each actor's
 * thread joins once, and stays.
 */
final class Guarded {

  private static final int ROWS = 4096;
  private static final int ROW_BYTES = 64;

  private static final Segment SEGMENT =
      Segment.privateBuilder()
          .maxBackends(4096)
          .maxHeldLocks(16)
          .struct("rows", (long) ROWS * ROW_BYTES)
          .tranche("rows", ROWS)
          .create();

  private static final SharedStruct DATA = SEGMENT.struct("rows");
  private static final LWLockTranche LOCKS = SEGMENT.tranche("rows");
  private static final ThreadLocal<Backend> MINE = ThreadLocal.withInitial(SEGMENT::join);

  private final LWLock lock;
  private final long first;
  private final long second;

  /** Takes a row; two states that run at once take one row rarely, and that only adds noise. */
  Guarded() {
    int row = ThreadLocalRandom.current().nextInt(ROWS);
    lock = LOCKS.lock(row);
    first = (long) row * ROW_BYTES;
    second = first + Long.BYTES;
  }

  Backend me() {
    return MINE.get();
  }

  LWLock lock() {
    return lock;
  }

  /** Under the lock, exclusively: changes both words, which are equal before and after. */
  void change() {
    DATA.putLong(first, DATA.getLong(first) + 1);
    DATA.putLong(second, DATA.getLong(second) + 1);
  }

  /** Under the lock: whether both words are equal. */
  boolean isWhole() {
    return DATA.getLong(second) == DATA.getLong(first);
  }

  /** Changes under the lock, and says whether what it found was whole. */
  boolean changeExclusively() {
    Backend me = me();
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    boolean whole = isWhole();
    change();
    lock.release(me);
    return whole;
  }

  /** Looks under the lock. */
  boolean lookShared() {
    Backend me = me();
    lock.acquire(me, LWLockMode.SHARED);
    boolean whole = isWhole();
    lock.release(me);
    return whole;
  }
}
