// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.lwshm.StopMode;
import org.lwshm.jni.Signals;

/**
 * The signals of a postmaster that handles them ({@link PostmasterBuilder#handleSignals}):
 *
 * <ul>
 *   <li>SIGTERM: {@linkplain StopMode#SMART smart} stop
 *   <li>SIGINT: {@linkplain StopMode#FAST fast} stop
 *   <li>SIGUSR1: {@linkplain StopMode#IMMEDIATE immediate} stop; PostgreSQL has SIGQUIT for it,
 *       which a JVM answers with a thread dump
 *   <li>SIGHUP: reload
 * </ul>
 */
final class PostmasterSignals {

  /** A signal by name and number. */
  record Kind(String name, int number) {}

  static final Kind RELOAD = new Kind("HUP", 1);
  static final Kind FAST = new Kind("INT", 2);
  static final Kind KILL = new Kind("KILL", 9);
  static final Kind IMMEDIATE = new Kind("USR1", 10);
  static final Kind TERMINATE = new Kind("TERM", 15);
  static final Kind CONTINUE = new Kind("CONT", 18);

  private PostmasterSignals() {}

  /** What a postmaster is told to stop with. */
  static Kind of(StopMode mode) {
    return switch (mode) {
      case SMART -> TERMINATE;
      case FAST -> FAST;
      case IMMEDIATE -> IMMEDIATE;
    };
  }

  /** From now on this process stops and reloads by signals, until what is returned is run. */
  static Runnable handle(Consumer<StopMode> stop, Runnable reload) {
    List<Runnable> undo = new ArrayList<>();
    for (StopMode mode : StopMode.values()) {
      undo.add(Signals.handle(of(mode).name(), () -> stop.accept(mode)));
    }
    undo.add(Signals.handle(RELOAD.name(), reload));
    return () -> undo.forEach(Runnable::run);
  }
}
