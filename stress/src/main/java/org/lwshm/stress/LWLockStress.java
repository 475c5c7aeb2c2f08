// SPDX-License-Identifier: Apache-2.0

package org.lwshm.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.lwshm.Backend;
import org.lwshm.LWLockMode;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZZ_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** What a holder of the lock may see, in each mode: never what another changes at the time. */
public final class LWLockStress {

  private LWLockStress() {}

  /** Two writers exclude each other. */
  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "each finds what is whole")
  @Outcome(expect = FORBIDDEN, desc = "both were inside")
  public static class TwoWriters {
    private final Guarded row = new Guarded();

    /** Writes. */
    @Actor
    public void one(ZZ_Result r) {
      r.r1 = row.changeExclusively();
    }

    /** Writes. */
    @Actor
    public void two(ZZ_Result r) {
      r.r2 = row.changeExclusively();
    }
  }

  /** Readers never see a writer half-way. */
  @JCStressTest
  @State
  @Outcome(id = "true, true, true", expect = ACCEPTABLE, desc = "each finds what is whole")
  @Outcome(expect = FORBIDDEN, desc = "a reader was inside with the writer")
  public static class WriterAndReaders {
    private final Guarded row = new Guarded();

    /** Writes. */
    @Actor
    public void writer(ZZZ_Result r) {
      r.r1 = row.changeExclusively();
    }

    /** Reads. */
    @Actor
    public void reader(ZZZ_Result r) {
      r.r2 = row.lookShared();
    }

    /** Reads. */
    @Actor
    public void other(ZZZ_Result r) {
      r.r3 = row.lookShared();
    }
  }

  /** Who only tries excludes others just the same, and its giving up leaves nothing behind. */
  @JCStressTest
  @State
  @Outcome(id = "true, true, true", expect = ACCEPTABLE, desc = "each finds what is whole")
  @Outcome(expect = FORBIDDEN, desc = "two were inside that exclude each other")
  public static class Trying {
    private final Guarded row = new Guarded();

    private boolean tryTo(LWLockMode mode) {
      Backend me = row.me();
      if (!row.lock().tryAcquire(me, mode)) {
        return true;
      }
      boolean whole = row.isWhole();
      if (mode == LWLockMode.EXCLUSIVE) {
        row.change();
      }
      row.lock().release(me);
      return whole;
    }

    /** Tries to write. */
    @Actor
    public void writer(ZZZ_Result r) {
      r.r1 = tryTo(LWLockMode.EXCLUSIVE);
    }

    /** Tries to read. */
    @Actor
    public void reader(ZZZ_Result r) {
      r.r2 = tryTo(LWLockMode.SHARED);
    }

    /** Writes. */
    @Actor
    public void patient(ZZZ_Result r) {
      r.r3 = row.changeExclusively();
    }
  }
}
