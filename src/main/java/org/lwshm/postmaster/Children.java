// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;
import org.lwshm.CorruptSegmentException;
import org.lwshm.DataDirectoryException;
import org.lwshm.LwshmException;
import org.lwshm.Segment;
import org.lwshm.StopMode;
import org.lwshm.internal.Log;
import org.lwshm.internal.PathText;
import org.lwshm.internal.SegmentAccess;
import org.lwshm.jni.ChildNative;
import org.lwshm.jni.PostmasterNative;
import org.lwshm.jni.Status;

/**
 * The places for children, and who is in them. For the postmaster's thread, but for {@link
 * #running}.
 *
 * <p>Of what stands in the segment it believes nothing but "I left in order", and even of that
 * nothing hangs but whether the child's end counts as a crash.
 */
final class Children {

  private static final Log LOG = Log.of(Children.class);
  private static final long OUTPUT_PATIENCE_NS = TimeUnit.SECONDS.toNanos(2);

  /** What the parameters have room for, 49 days. */
  private static final long MAX_GRACE_MS = 0xffff_ffffL;

  private static final String PARAMETERS_FILE = "lwshm.child.";
  private static final String ARGUMENT_FILE = "lwshm.arguments.";
  private static final Pattern LEFTOVER = Pattern.compile("lwshm\\.(child|arguments)\\.[0-9]+");

  private final PostmasterOptions options;
  private final List<ChildPlace> places = new ArrayList<>();
  private final ChildPlace repairPlace;
  private final BiConsumer<ChildProcess, Integer> onEnd;

  /** Children that have ended, and whose last words may not be passed on yet. */
  private final List<ChildProcess> talking = new ArrayList<>();

  private volatile List<ChildInfo> running = List.of();

  /** Null until the data directory is ours, and again when nobody is left. */
  private ChildrenFile file;

  private int launches;

  /**
   * Makes the places.
   *
   * @param onEnd called by another thread when a child has ended, with what the kernel said of it
   */
  Children(PostmasterOptions options, BiConsumer<ChildProcess, Integer> onEnd) {
    this.options = options;
    this.onEnd = onEnd;
    for (ChildCommand command : options.commands()) {
      for (int number = 0; number < command.count(); number++) {
        places.add(new ChildPlace(command, number, places.size()));
      }
    }
    repairPlace =
        options.repairer() == null ? null : new ChildPlace(options.repairer(), 0, places.size());
  }

  /** How many there may be at once. */
  int count() {
    return places.size() + (repairPlace == null ? 0 : 1);
  }

  /** The places, the repairer's not among them. */
  List<ChildPlace> places() {
    return places;
  }

  /** The repairer's; null if there is no repairer. */
  ChildPlace repairPlace() {
    return repairPlace;
  }

  private List<ChildPlace> all() {
    List<ChildPlace> all = new ArrayList<>(places);
    if (repairPlace != null) {
      all.add(repairPlace);
    }
    return all;
  }

  /** Whether nobody is there. */
  boolean areGone() {
    return all().stream().allMatch(ChildPlace::isEmpty);
  }

  /** Who is there; any thread. */
  List<ChildInfo> running() {
    return running;
  }

  private void note() {
    running =
        all().stream()
            .filter(place -> !place.isEmpty())
            .map(place -> place.process().info())
            .toList();
    writeStatus();
  }

  /** Has the children file say how the children stand. */
  void writeStatus() {
    if (file != null) {
      file.update(all());
    }
  }

  /** The place of a process; null if it is in none any more. */
  ChildPlace placeOf(ChildProcess process) {
    return all().stream().filter(place -> place.process() == process).findFirst().orElse(null);
  }

  // ---- beginning ----

  /** The data directory is ours, and nobody of an earlier life is left. */
  void begin(LockFileContents.Owner owner) {
    removeLeftovers();
    file = new ChildrenFile(options.dataDir(), owner, all());
  }

  /** Removes what a postmaster has left for its children that was killed. */
  private void removeLeftovers() {
    try (var files = Files.newDirectoryStream(options.dataDir(), "lwshm.*")) {
      for (Path file : files) {
        if (LEFTOVER.matcher(file.getFileName().toString()).matches()) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      throw new DataDirectoryException(
          "what an earlier postmaster left in \""
              + options.dataDir()
              + "\" cannot be removed: "
              + e);
    }
  }

  private Path argumentFile(ChildPlace place) {
    return options.dataDir().resolve(ARGUMENT_FILE + place.slot());
  }

  private Path parametersFile(ChildPlace place) {
    return options.dataDir().resolve(PARAMETERS_FILE + place.slot());
  }

  /**
   * Starts a child.
   *
   * @throws IllegalArgumentException if its program cannot be executed
   */
  ChildInfo start(Segment segment, ChildPlace place) {
    launches++;
    int launch = launches;
    Path parameters = parametersFile(place);
    boolean started = false;
    try {
      writeParameters(segment, place, launch, parameters);
      List<String> arguments = argumentsFor(place);
      ChildProcess[] process = new ChildProcess[1];
      // The waiting thread may be quicker than the assignment, so it goes by the place.
      synchronized (process) {
        process[0] =
            ChildProcess.start(
                place,
                launch,
                arguments,
                PathText.of(parameters),
                file.path(),
                options.output(),
                status -> {
                  synchronized (process) {
                    onEnd.accept(process[0], status);
                  }
                });
      }
      place.occupy(process[0]);
      started = true;
    } finally {
      if (!started) {
        release(segment, place);
      }
    }
    note();
    return place.process().info();
  }

  private List<String> argumentsFor(ChildPlace place) {
    ChildCommand command = place.command();
    return command.isJava()
        ? ArgumentFile.shorten(command.arguments(), argumentFile(place))
        : command.arguments();
  }

  private void writeParameters(Segment segment, ChildPlace place, int launch, Path file) {
    long[] parameters = new long[PostmasterNative.PARAMETER_COUNT];
    SegmentAccess.get()
        .call(
            segment,
            handle -> PostmasterNative.assignChild(handle, place.slot(), launch, parameters));
    parameters[PostmasterNative.PARAMETER_NUMBER] = place.number();
    parameters[PostmasterNative.PARAMETER_GRACE_MS] =
        Math.min(options.stopTimeout().toMillis(), MAX_GRACE_MS);
    removeFiles(place);
    Status.check(
        PostmasterNative.writeParameters(
            bytes(PathText.of(file)),
            parameters,
            bytes(place.command().name()),
            bytes(PathText.of(options.dataDir()))));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private void removeFiles(ChildPlace place) {
    for (Path path : List.of(parametersFile(place), argumentFile(place))) {
      try {
        Files.deleteIfExists(path);
      } catch (IOException e) {
        LOG.warn("{} cannot be removed", path, e);
      }
    }
  }

  // ---- ending ----

  /** Sends all of them a signal that ends processes. */
  void stop(PostmasterSignals.Kind signal) {
    all().stream().filter(place -> !place.isEmpty()).forEach(place -> place.process().stop(signal));
  }

  /** Has those that have joined reload; SIGHUP ends who does not know of it. */
  void reload(Segment segment) {
    for (ChildPlace place : all()) {
      if (!place.isEmpty() && hasJoined(segment, place)) {
        place.process().signal(PostmasterSignals.RELOAD, false);
      }
    }
  }

  /** Whether it has joined itself, and not a process that it has started, as a script does. */
  private static boolean hasJoined(Segment segment, ChildPlace place) {
    ChildProcess process = place.process();
    return state(segment, place, process) == PostmasterNative.CHILD_ACTIVE
        && segment.backends().stream()
            .anyMatch(b -> b.slot() == place.slot() && b.pid() == process.info().pid());
  }

  private static int state(Segment segment, ChildPlace place, ChildProcess process) {
    return SegmentAccess.get()
        .call(
            segment, handle -> PostmasterNative.childState(handle, place.slot(), process.launch()));
  }

  /**
   * Cleans up after a child that has ended: what it held is released, or poisoned, its place is
   * empty.
   *
   * @param segment null if there is none any more
   * @param status what the kernel says of its end
   */
  ChildEnd bury(Segment segment, ChildPlace place, int status) {
    ChildProcess process = place.process();
    boolean crashed = hasCrashed(segment, place, process, status);
    place.vacate();
    release(segment, place);
    process.reap();
    talking.removeIf(ChildProcess::hasPassedOutput);
    talking.add(process);
    note();
    return status >= ChildNative.SIGNALLED
        ? new ChildEnd(-1, status - ChildNative.SIGNALLED, crashed)
        : new ChildEnd(status, 0, crashed);
  }

  private boolean hasCrashed(Segment segment, ChildPlace place, ChildProcess process, int status) {
    boolean failed = status != 0 && !process.wasToldToStop();
    try {
      int state = state(segment, place, process);
      segment.reapDead();
      return switch (state) {
        // Its other threads may have been anywhere.
        case PostmasterNative.CHILD_LEFT -> failed && status >= ChildNative.SIGNALLED;
        case PostmasterNative.CHILD_ASSIGNED -> failed;
        default -> true;
      };
    } catch (IllegalStateException | LwshmException e) {
      // The process is exiting and has left the segment, or that is damaged.
      LOG.debug("what {} has left in the segment cannot be looked at", process.info(), e);
      return failed;
    }
  }

  /** Means a place's slot for nobody. */
  private void release(Segment segment, ChildPlace place) {
    removeFiles(place);
    file.erase(place);
    try {
      SegmentAccess.get()
          .call(segment, handle -> PostmasterNative.releaseChild(handle, place.slot()));
    } catch (IllegalStateException | LwshmException e) {
      LOG.debug("slot {} cannot be released", place.slot(), e);
    }
  }

  /**
   * Throws if nobody could attach to the segment any more.
   *
   * @throws CorruptSegmentException with what is damaged
   */
  static void check(Segment segment) {
    SegmentAccess.get().call(segment, PostmasterNative::check);
  }

  /** How many locks are poisoned at this moment. */
  static int poisoned(Segment segment) {
    return SegmentAccess.get()
        .call(segment, handle -> PostmasterNative.poisoned(handle, new long[0]));
  }

  /** Says in the segment what is wanted of children; null: that they go on. */
  static void want(Segment segment, StopMode mode) {
    int code = mode == null ? 0 : mode.ordinal() + 1;
    try {
      SegmentAccess.get().call(segment, handle -> PostmasterNative.setStopMode(handle, code));
    } catch (IllegalStateException e) {
      LOG.debug("the segment is gone", e);
    }
  }

  /** Waits until what children have said is passed on, if somebody takes it in time. */
  void awaitOutput() throws InterruptedException {
    long until = System.nanoTime() + OUTPUT_PATIENCE_NS;
    for (ChildProcess process : talking) {
      process.awaitOutput(until);
    }
    talking.clear();
  }

  /** The end: forgets who was there, unless somebody still is. */
  void end() {
    if (file != null && areGone()) {
      file.delete();
      file = null;
    }
  }
}
