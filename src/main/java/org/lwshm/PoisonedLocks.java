// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.lwshm.jni.PostmasterNative;
import org.lwshm.jni.TrancheNative;

/** The locks of a segment whose holders died inside. */
final class PoisonedLocks {

  private static final int FIRST_GUESS = 64;

  private PoisonedLocks() {}

  static List<LWLock> of(Segment segment) {
    long[] offsets = offsets(segment);
    if (offsets.length == 0) {
      return List.of();
    }
    segment.attachment().handOut();
    List<LWLockTranche> tranches = tranches(segment);
    List<LWLock> locks = new ArrayList<>(offsets.length);
    for (long offset : offsets) {
      for (LWLockTranche tranche : tranches) {
        long index = (offset - tranche.lockOffset(0)) / TrancheNative.LWLOCK_SIZE;
        if (offset >= tranche.lockOffset(0) && index < tranche.size()) {
          locks.add(tranche.lock((int) index));
        }
      }
    }
    return locks;
  }

  private static List<LWLockTranche> tranches(Segment segment) {
    List<LWLockTranche> tranches = new ArrayList<>();
    long[] tranche = new long[TrancheNative.TRANCHE_COUNT];
    byte[] name = new byte[TrancheNative.TRANCHE_NAME_MAX + 1];
    try {
      for (int i = 0; ; i++) {
        int id = i;
        segment.attachment().call(handle -> TrancheNative.get(handle, id, tranche, name));
        tranches.add(
            new LWLockTranche(
                segment,
                Names.decode(name, 0, name.length),
                id,
                tranche[TrancheNative.TRANCHE_OFFSET],
                (int) tranche[TrancheNative.TRANCHE_LOCKS]));
      }
    } catch (NotFoundException e) {
      return tranches; // the one before was the last
    }
  }

  private static long[] offsets(Segment segment) {
    for (int capacity = FIRST_GUESS; ; ) {
      long[] offsets = new long[capacity];
      int count = segment.attachment().call(h -> PostmasterNative.poisoned(h, offsets));
      if (count <= capacity) {
        return Arrays.copyOf(offsets, count);
      }
      capacity = count;
    }
  }

  static int repair(Segment segment, Backend backend) {
    OwnerDiedException first = null;
    int repaired = 0;
    for (LWLock lock : of(segment)) {
      try {
        lock.acquire(backend, LWLockMode.EXCLUSIVE);
        lock.release(backend);
        repaired++;
      } catch (OwnerDiedException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
    return repaired;
  }
}
