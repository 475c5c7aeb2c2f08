// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples;

import java.io.IOException;
import java.nio.file.Path;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;

/** README's example in Java: makes a segment, counts, and lets {@code counter.c} count too. */
public final class Counter {

  private Counter() {}

  // tag::readme
  public static void main(String[] args) throws IOException {
    Path dataDir = Path.of(args[0]); // an existing directory of yours: it names the segment
    try (Segment segment =
            Segment.builder(dataDir).struct("counter", 8).tranche("counter", 1).open();
        Backend me = segment.join()) {
      SharedStruct counter = segment.struct("counter");
      LWLock lock = segment.tranche("counter").lock(0);

      lock.acquire(me, LWLockMode.EXCLUSIVE);
      try {
        counter.putLong(0, counter.getLong(0) + 1);
      } finally {
        lock.release(me);
      }

      System.out.println("Java counted to 1. Let C count on, then press Enter.");
      System.in.read();
      System.out.println("In the end it is " + counter.getLongVolatile(0) + ".");
    } // detached; the last process out deletes the segment
  }
  // end::readme
}
