// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** The first thing that went wrong, whoever met it. */
final class Trouble {

  private final AtomicReference<String> first = new AtomicReference<>();

  void report(String what) {
    first.compareAndSet(null, what);
  }

  Optional<String> first() {
    return Optional.ofNullable(first.get());
  }
}
