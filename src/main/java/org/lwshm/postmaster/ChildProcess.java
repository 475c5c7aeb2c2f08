// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.lwshm.LwshmException;
import org.lwshm.NotFoundException;
import org.lwshm.internal.Log;
import org.lwshm.internal.PathText;
import org.lwshm.jni.ChildNative;
import org.lwshm.jni.Status;

/** A process that the postmaster has started and not reaped. For the postmaster's thread. */
final class ChildProcess {

  private static final Log LOG = Log.of(ChildProcess.class);
  private static final String PARAMETERS = "LWSHM_BACKEND_PARAMETERS";
  private static final String NUMBER = "LWSHM_CHILD_NUMBER";

  private final ChildInfo info;
  private final int launch;
  private final long startedNanos = System.nanoTime();
  private final OutputPump pump;
  private boolean toldToStop;

  private ChildProcess(ChildInfo info, int launch, int output, ChildOutput sink) {
    this.info = info;
    this.launch = launch;
    pump = new OutputPump(info, output, sink);
  }

  /**
   * Starts a child.
   *
   * @param arguments the program and its arguments
   * @param childrenFile in which it writes down its identity
   * @param onEnd called by another thread when it has ended, with what {@link ChildNative#await}
   *     says
   */
  static ChildProcess start(
      ChildPlace place,
      int launch,
      List<String> arguments,
      String parametersFile,
      Path childrenFile,
      ChildOutput sink,
      IntConsumer onEnd) {
    ChildCommand command = place.command();
    Map<String, String> variables = new LinkedHashMap<>(command.environment());
    variables.put(PARAMETERS, parametersFile);
    variables.put(NUMBER, Integer.toString(place.number()));
    int[] child = new int[ChildNative.CHILD_COUNT];
    byte[] directory =
        command.directory() == null
            ? null
            : PathText.of(command.directory()).getBytes(StandardCharsets.UTF_8);
    Status.check(
        ChildNative.start(
            block(arguments),
            Environment.with(variables),
            directory,
            PostmasterSignals.TERMINATE.number(),
            PathText.of(childrenFile).getBytes(StandardCharsets.UTF_8),
            ChildrenFile.position(place.slot()),
            child));
    int pid = child[ChildNative.CHILD_PID];
    ChildInfo info =
        new ChildInfo(
            command.name(), place.number(), place.slot(), pid, Instant.now(), place.launches() + 1);
    ChildProcess process = new ChildProcess(info, launch, child[ChildNative.CHILD_OUTPUT], sink);
    Thread waiter = new Thread(() -> onEnd.accept(awaitEnd(pid)), "lwshm-wait-" + pid);
    waiter.setDaemon(true);
    boolean watched = false;
    try {
      process.pump.start();
      waiter.start();
      watched = true;
    } catch (OutOfMemoryError e) {
      throw new PostmasterException(
          "no thread can be started for child "
              + info
              + "; raise the limit on processes (ulimit -u, the cgroup's pids.max), or start fewer");
    } finally {
      if (!watched) {
        process.endUnwatched();
      }
    }
    return process;
  }

  /** Nobody would hear of its end, so it does not live on. */
  private void endUnwatched() {
    signal(PostmasterSignals.KILL, true);
    awaitEnd(info.pid());
    reap();
    pump.closeIfNotStarted();
  }

  private static int awaitEnd(int pid) {
    try {
      return Status.check(ChildNative.await(pid));
    } catch (LwshmException e) {
      // Somebody else has reaped it: it is gone, and nobody knows how.
      return ChildNative.SIGNALLED + PostmasterSignals.KILL.number();
    }
  }

  private static byte[] block(Collection<String> strings) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (String string : strings) {
      bytes.writeBytes(string.getBytes(StandardCharsets.UTF_8));
      bytes.write(0);
    }
    return bytes.toByteArray();
  }

  ChildInfo info() {
    return info;
  }

  /** What tells it from other children in its slot. */
  int launch() {
    return launch;
  }

  /** How long it has run. */
  Duration age() {
    return Duration.ofNanos(System.nanoTime() - startedNanos);
  }

  /** Whether the postmaster has sent it a signal that ends processes. */
  boolean wasToldToStop() {
    return toldToStop;
  }

  /** Ends it: the signal goes to all of its process group. */
  void stop(PostmasterSignals.Kind signal) {
    toldToStop = true;
    signal(signal, true);
    // One that is stopped would hear of it when it goes on.
    signal(PostmasterSignals.CONTINUE, true);
  }

  /** Signals it, if the kernel lets us: others must get theirs whatever this one has become. */
  void signal(PostmasterSignals.Kind signal, boolean group) {
    try {
      Status.check(ChildNative.signal(info.pid(), signal.number(), group));
    } catch (NotFoundException e) {
      // It has ended, or not made a group yet.
      if (group) {
        signal(signal, false);
      }
    } catch (LwshmException e) {
      // It is another user's by now, and nobody of ours is left in its group.
      LOG.warn("{} cannot be sent SIG{}: {}", info, signal.name(), e.getMessage());
    }
  }

  /** Lets go of it, once it has ended. */
  void reap() {
    // Who is left of its group would keep what it had open: its session ends with it.
    signal(PostmasterSignals.KILL, true);
    ChildNative.reap(info.pid());
    pump.childEnded();
  }

  boolean hasPassedOutput() {
    return pump.hasEnded();
  }

  /** Waits until its output is passed on, or until a time. */
  void awaitOutput(long until) throws InterruptedException {
    pump.await(until);
  }
}
