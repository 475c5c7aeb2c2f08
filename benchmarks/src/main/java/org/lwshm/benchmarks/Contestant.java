// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.lwshm.LWLockTranche;

/** A lock that takes part in a {@link Contest}. Each of lwshm's is a tranche of its own. */
enum Contestant {
  LWSHM_C("lwshm, C", Host.C, LWLockTranche.SPINS_LEARNED),
  LWSHM_C_0("lwshm, C, no spinning", Host.C, 0),
  LWSHM_C_100("lwshm, C, 100 spins", Host.C, 100),
  LWSHM_JAVA("lwshm, Java", Host.JVM, LWLockTranche.SPINS_LEARNED),
  LWSHM_JAVA_0("lwshm, Java, no spinning", Host.JVM, 0),
  LWSHM_JAVA_100("lwshm, Java, 100 spins", Host.JVM, 100),
  POSTGRES("PostgreSQL", Host.POSTGRES, Modes.BOTH),
  MUTEX("pthread mutex", Host.C, Modes.EXCLUSIVE),
  ROBUST("pthread robust mutex", Host.C, Modes.EXCLUSIVE),
  RWLOCK("pthread rwlock", Host.C, Modes.BOTH),
  SPIN("pthread spinlock", Host.C, Modes.EXCLUSIVE),
  FILECHANNEL("FileChannel.lock", Host.JVM, Modes.BOTH),
  REENTRANT("ReentrantLock, threads", Host.JVM_THREADS, Modes.EXCLUSIVE),
  REENTRANTRW("Reentrant…RW…, threads", Host.JVM_THREADS, Modes.BOTH),
  STAMPED("StampedLock, threads", Host.JVM_THREADS, Modes.BOTH);

  /** Where a contestant's workers run. */
  enum Host {
    /** Processes of lock_worker.c. */
    C,
    /** JVMs with one thread each. */
    JVM,
    /** Threads of one JVM. */
    JVM_THREADS,
    /** PostgreSQL's backends. */
    POSTGRES
  }

  private enum Modes {
    EXCLUSIVE,
    BOTH
  }

  private final String title;
  private final Host host;
  private final Modes modes;
  private final OptionalInt spins;

  Contestant(String title, Host host, int spins) {
    this.title = title;
    this.host = host;
    this.modes = Modes.BOTH;
    this.spins = OptionalInt.of(spins);
  }

  Contestant(String title, Host host, Modes modes) {
    this.title = title;
    this.host = host;
    this.modes = modes;
    this.spins = OptionalInt.empty();
  }

  /** All that are lwshm's. */
  static Stream<Contestant> ofLwshm() {
    return Stream.of(values()).filter(contestant -> contestant.spins.isPresent());
  }

  /**
   * The one with that key.
   *
   * @throws IllegalArgumentException if there is none
   */
  static Contestant parse(String key) {
    return Stream.of(values())
        .filter(contestant -> contestant.key().equals(key))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("none of " + keys(List.of(values()))));
  }

  static String keys(List<Contestant> contestants) {
    return contestants.stream().map(Contestant::key).collect(Collectors.joining(","));
  }

  /** What the workers and the option call it: for one of lwshm's, the tranche. */
  String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** What the reader calls it. */
  String title() {
    return title;
  }

  Host host() {
    return host;
  }

  boolean has(String mode) {
    return modes == Modes.BOTH || mode.equals(Contest.EXCLUSIVE);
  }

  /** How many turns lwshm's spins, or that it learns how many; nothing if it is not lwshm's. */
  OptionalInt spins() {
    return spins;
  }

  boolean learns() {
    return spins.equals(OptionalInt.of(LWLockTranche.SPINS_LEARNED));
  }
}
