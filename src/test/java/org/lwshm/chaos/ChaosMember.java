// SPDX-License-Identifier: Apache-2.0

package org.lwshm.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.lwshm.Segment;
import org.lwshm.SegmentBuilder;
import org.lwshm.ShmemRequest;
import org.lwshm.ShmemSubsystem;

/**
 * A JVM that is killed while it attaches, opens, creates or closes. The segments are those of
 * member_scenes.c, and chaos/membership_program.c traces the thread that says here who it is.
 *
 * <p>First it does everything once in a directory of its own, so that its classes are loaded.
 *
 * <p>Arguments: data directory; directory to warm up in; attach, open, create or close; "member" if
 * it opens the segment before it begins.
 */
public final class ChaosMember {

  private static final long VALUE = 4711;

  /** Files that do not exist: the tracer sees them asked for. */
  private static final Path BEGIN = Path.of("/lwshm.tracing.begin");

  private static final Path END = Path.of("/lwshm.tracing.end");

  private ChaosMember() {}

  /** Writes the data, before others are let in. */
  private static final class Data implements ShmemSubsystem {
    @Override
    public String name() {
      return "chaos";
    }

    @Override
    public void request(ShmemRequest request) {
      request.struct("data", Long.BYTES);
    }

    @Override
    public void init(Segment segment) {
      segment.struct("data").putLong(0, VALUE);
    }
  }

  private static SegmentBuilder builder(Path directory) {
    return Segment.builder(directory)
        .maxProcesses(8)
        .maxBackends(4)
        .maxHeldLocks(4)
        .maxTranches(2)
        .maxLWLocks(4)
        .maxStructs(2)
        .register(new Data());
  }

  private static Segment enter(Path directory, String action) {
    return switch (action) {
      case "attach" -> Segment.attach(directory);
      case "open" -> builder(directory).open();
      case "create" -> builder(directory).create();
      default -> throw new IllegalArgumentException(action);
    };
  }

  private static void warmUp(Path directory) {
    for (String action : new String[] {"create", "open"}) {
      Segment first = enter(directory, action);
      enter(directory, "attach").close();
      enter(directory, "open").close();
      first.close();
    }
    Files.exists(directory.resolve("nothing"));
  }

  /**
   * Does it, and waits to be killed.
   *
   * @param args see above
   * @throws IOException if the tracer is gone, or the thread's number cannot be read
   */
  public static void main(String[] args) throws IOException {
    Path directory = Path.of(args[0]);
    String action = args[2];
    warmUp(Path.of(args[1]));
    Segment segment = args[3].equals("member") ? builder(directory).open() : null;
    Path thread = Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName();
    System.out.println(thread);
    if (System.in.read() < 0) {
      return;
    }
    Files.exists(BEGIN);
    if (segment != null) {
      segment.close();
    } else {
      segment = enter(directory, action);
    }
    Files.exists(END);
    System.in.read();
    Runtime.getRuntime().halt(segment.id() == 0 ? 1 : 0);
  }
}
