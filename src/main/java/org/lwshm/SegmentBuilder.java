// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.lwshm.jni.NativeLibrary;
import org.lwshm.jni.SegmentNative;
import org.lwshm.jni.Status;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a segment is to be made from; {@link #size()} tells what it will take, {@link #create()}
 * makes it, {@link #open()} takes the one that there is or makes it.
 *
 * <p>A segment is sized once. What is asked for here and by the subsystems is counted exactly; for
 * structs, tranches and locks that are made later there is a little room in the tables (16, 16 and
 * 64, as far as the greatest limits allow) unless a limit is set, and room for their bytes only as
 * far as {@link #spare} asks for it.
 *
 * <p>Not for use by several threads at once. May be used again after {@code create()} or {@code
 * open()}.
 *
 * <p>Source: PostgreSQL's {@code CreateSharedMemoryAndSemaphores}, src/backend/storage/ipc/ipci.c.
 */
public final class SegmentBuilder {

  private static final Logger LOG = LoggerFactory.getLogger(SegmentBuilder.class);

  private static final String OWNER = "builder";

  private static final int SPARE_STRUCTS = 16;
  private static final int SPARE_TRANCHES = 16;
  private static final int SPARE_LWLOCKS = 64;
  private static final int SPARE_BACKENDS = 16;
  private static final int DEFAULT_BACKENDS = 128;
  private static final int DEFAULT_PROCESSES = 64;

  private static final Duration LONGEST_PATIENCE = Duration.ofDays(1);

  private final Path dataDir;
  private final ShmemPlan own = new ShmemPlan();
  private final List<ShmemSubsystem> subsystems = new ArrayList<>();

  private int maxHeldLocks = 256;
  private int maxChildren;
  private int after;
  private Integer maxProcesses;
  private long version;
  private Duration patience = Duration.ofSeconds(10);
  private Integer maxBackends;
  private Integer maxTranches;
  private Integer maxLWLocks;
  private Integer maxStructs;
  private int mode = 0600;
  private HugePages hugePages = HugePages.OFF;
  private boolean requesting;

  SegmentBuilder(Path dataDir) {
    this.dataDir = dataDir;
  }

  /**
   * How many processes may be attached at once, besides a postmaster's children; 64 by default.
   *
   * @param count 1 to 4096, together with those
   * @return this
   */
  public SegmentBuilder maxProcesses(int count) {
    requireNoRequest();
    maxProcesses = positive("maxProcesses", count);
    return this;
  }

  /**
   * How many threads may be joined at once, of all processes together; never fewer than the
   * subsystems ask for. By default 16 more than that, or 128 if none of them asks. What is asked
   * for is for others than a postmaster's children ({@link #maxChildren}): for those, there are as
   * many more.
   *
   * @param count 1 to 65534
   * @return this
   */
  public SegmentBuilder maxBackends(int count) {
    requireNoRequest();
    maxBackends = positive("maxBackends", count);
    return this;
  }

  /**
   * How many children a postmaster may have in the segment at once, one thread of each with a place
   * of its own; 0 by default. {@code org.lwshm.postmaster} sees to it itself.
   *
   * @param count 0 to 65533
   * @return this
   */
  public SegmentBuilder maxChildren(int count) {
    requireNoRequest();
    maxChildren = notNegative("maxChildren", count);
    return this;
  }

  /**
   * Has the new segment's generation be greater than a number, besides than that of the segment
   * that it replaces; 0 by default. For who has deleted a segment and makes the next one.
   *
   * @param generation of a segment of the past, 0 or more
   * @return this
   */
  public SegmentBuilder after(int generation) {
    requireNoRequest();
    after = notNegative("after", generation);
    return this;
  }

  /**
   * The version of the data's format; 0 by default. {@link #open()} keeps the data of processes
   * that were killed only if it is the same.
   *
   * @param number any
   * @return this
   */
  public SegmentBuilder version(long number) {
    requireNoRequest();
    version = number;
    return this;
  }

  /**
   * How long {@link #open()} waits for another process that has begun to make or adopt the segment
   * and is not done; 10 seconds by default.
   *
   * @param time 0 or more
   * @return this
   */
  public SegmentBuilder patience(Duration time) {
    requireNoRequest();
    if (time.isNegative() || time.compareTo(LONGEST_PATIENCE) > 0) {
      throw new IllegalArgumentException(
          "patience is " + time + "; it takes 0 to " + LONGEST_PATIENCE);
    }
    patience = time;
    return this;
  }

  /**
   * How many locks one backend may hold at once; 256 by default, and never fewer than a subsystem
   * asks for.
   *
   * @param count 1 to 4096; made a power of two
   * @return this
   */
  public SegmentBuilder maxHeldLocks(int count) {
    requireNoRequest();
    maxHeldLocks = positive("maxHeldLocks", count);
    return this;
  }

  /**
   * How many tranches there may be; never fewer than are asked for.
   *
   * @param count 1 to 65535
   * @return this
   */
  public SegmentBuilder maxTranches(int count) {
    requireNoRequest();
    maxTranches = positive("maxTranches", count);
    return this;
  }

  /**
   * How many locks there may be in all tranches together; never fewer than are asked for.
   *
   * @param count 1 to 16777216
   * @return this
   */
  public SegmentBuilder maxLWLocks(int count) {
    requireNoRequest();
    maxLWLocks = positive("maxLWLocks", count);
    return this;
  }

  /**
   * How many named areas there may be; never fewer than are asked for.
   *
   * @param count 1 to 65536
   * @return this
   */
  public SegmentBuilder maxStructs(int count) {
    requireNoRequest();
    maxStructs = positive("maxStructs", count);
    return this;
  }

  /**
   * Who may attach, as permission bits; 0600 by default.
   *
   * @param bits 0600, or some of 0660
   * @return this
   */
  public SegmentBuilder mode(int bits) {
    requireNoRequest();
    mode = bits;
    return this;
  }

  /**
   * Whether the segment lies on huge pages; {@link HugePages#OFF} by default.
   *
   * @param choice which
   * @return this
   */
  public SegmentBuilder hugePages(HugePages choice) {
    requireNoRequest();
    hugePages = Objects.requireNonNull(choice, "choice");
    return this;
  }

  /**
   * Asks for room for areas that are made later, each of which takes its size rounded up to 64.
   *
   * @param bytes how many, besides what was asked for before
   * @return this
   */
  public SegmentBuilder spare(long bytes) {
    requireNoRequest();
    own.bytes(OWNER, bytes);
    return this;
  }

  /**
   * Asks for a named area.
   *
   * @param name its name, 1 to 47 bytes of UTF-8
   * @param size bytes, 1 or more
   * @return this
   */
  public SegmentBuilder struct(String name, long size) {
    requireNoRequest();
    own.struct(OWNER, name, size);
    return this;
  }

  /**
   * Asks for a named array of locks.
   *
   * @param name its name, 1 to 63 bytes of UTF-8
   * @param locks how many, 1 or more
   * @return this
   */
  public SegmentBuilder tranche(String name, int locks) {
    requireNoRequest();
    own.tranche(OWNER, name, locks);
    return this;
  }

  /**
   * Asks for a counting semaphore, which {@code org.lwshm.sync.Semaphore} finds by its name. It is
   * a struct, and an owned one also a tranche of one lock, of that name.
   *
   * @param name its name, 1 to 47 bytes of UTF-8
   * @param permits that it has at first, 0 or more
   * @param kind which
   * @return this
   */
  public SegmentBuilder semaphore(String name, int permits, SemaphoreKind kind) {
    requireNoRequest();
    own.semaphore(OWNER, name, permits, kind);
    return this;
  }

  /**
   * Adds modules that ask for what they need and set it up.
   *
   * @param modules in the order in which their phases run
   * @return this
   */
  public SegmentBuilder register(ShmemSubsystem... modules) {
    requireNoRequest();
    subsystems.addAll(List.of(modules));
    return this;
  }

  /**
   * What the segment will take. Makes nothing; the subsystems are asked.
   *
   * @return the account, whose total is exact
   * @throws IllegalArgumentException if a limit is out of its range, or a name was asked for twice
   * @throws ArithmeticException if the sum overflows
   */
  public ShmemSize size() {
    NativeLibrary.load();
    ShmemPlan plan = request();
    return plan.size(options(plan));
  }

  /**
   * Makes the segment with all that was asked for in it, lets the subsystems initialise, and then
   * lets attachers in. If any of this throws, nothing is left of it.
   *
   * <p>A segment that processes left that were all killed is replaced, and its data are gone; the
   * new one's generation is greater. Processes that were killed a moment ago are waited for.
   *
   * @return the segment, attached; the last process to close it deletes it
   * @throws SegmentInUseException if live processes are in the directory's segment, even if it was
   *     removed; or if another process has been creating or leaving it for 10 seconds
   * @throws NamespaceException if they are in another IPC namespace
   * @throws DataDirectoryException if the data directory is of no use
   * @throws SystemCallException if the kernel refuses
   * @throws NativeLibraryException if the native library cannot be loaded
   */
  public Segment create() {
    NativeLibrary.load();
    ShmemPlan plan = request();
    long[] options = options(plan);
    // Refuses what does not fit before there is anything to undo.
    plan.size(options);
    byte[] path = Segment.pathBytes(dataDir);
    byte[] description = description(plan, options);
    return Segment.open(
        dataDir,
        handle -> Status.check(SegmentNative.create(path, options, description, handle)),
        segment -> segment.initialise(plan, subsystems));
  }

  /**
   * Attaches to the directory's segment, adopts it, or makes it:
   *
   * <ul>
   *   <li>Processes are in it: attaches, and the subsystems attach. Waits for one that is being
   *       made or adopted ({@link #patience}).
   *   <li>All that were in it were killed, and it is what this builder describes: adopts it. What
   *       the dead held is released or poisoned, the data are kept, and the subsystems {@link
   *       ShmemSubsystem#adopt adopt}; then others are let in.
   *   <li>Otherwise makes it, as {@link #create()} does. If that replaces one that is not what this
   *       builder describes, the log says what differs.
   * </ul>
   *
   * <p>A segment is what this builder describes if the names and sizes of structs, tranches and
   * semaphores, the limits, mode, spare room, {@link #version} and ABI version are the same.
   *
   * @return the segment, attached; the last process to close it deletes it
   * @throws SegmentInUseException if live processes are in a segment that is not what this builder
   *     describes; or if another process has been creating or leaving it for 10 seconds
   * @throws SegmentNotReadyException if it is still being made or adopted
   * @throws SegmentNotFoundException if live processes are in it, but somebody has removed it and
   *     the kernel does not let this one in any more
   * @throws NamespaceException if its processes are in another IPC namespace
   * @throws DataDirectoryException if the data directory is of no use
   * @throws SystemCallException if the kernel refuses
   * @throws IllegalArgumentException if this is a private segment's builder
   * @throws NativeLibraryException if the native library cannot be loaded
   */
  public Segment open() {
    return open(false);
  }

  /**
   * Adopts the directory's segment or makes it, as {@link #open()} does, but does not attach to one
   * that processes are in. For a process that is the first of several, and starts the others.
   *
   * @return the segment, attached; the last process to close it deletes it
   * @throws SegmentInUseException if live processes are in the directory's segment, as for {@link
   *     #create()}
   * @see #open()
   */
  public Segment openAlone() {
    return open(true);
  }

  private Segment open(boolean alone) {
    NativeLibrary.load();
    ShmemPlan plan = request();
    long[] options = options(plan);
    options[SegmentNative.OPTION_ALONE] = alone ? 1 : 0;
    plan.size(options);
    byte[] path = Segment.pathBytes(dataDir);
    byte[] description = description(plan, options);
    byte[] replaced = new byte[SegmentNative.REPLACED_BYTES];
    int[] opened = new int[1];
    return Segment.open(
        dataDir,
        handle ->
            opened[0] =
                Status.checkSegment(
                    SegmentNative.open(path, options, description, handle, replaced)),
        segment -> {
          warnOfReplaced(replaced);
          segment.begin(opened[0], plan, subsystems);
        });
  }

  private void warnOfReplaced(byte[] replaced) {
    if (replaced[0] == 0) {
      return;
    }
    String why = new String(replaced, StandardCharsets.UTF_8);
    LOG.warn(
        "the segment that was left in {} is replaced, and its data are gone: {}",
        dataDir,
        why.substring(0, why.indexOf('\0')));
  }

  private byte[] description(ShmemPlan plan, long[] options) {
    return plan.description(options[SegmentNative.OPTION_MAX_BACKENDS], version);
  }

  private ShmemPlan request() {
    requireNoRequest();
    requesting = true;
    try {
      ShmemPlan plan = new ShmemPlan(own);
      for (ShmemSubsystem subsystem : subsystems) {
        ShmemRequest request = new ShmemRequest(plan, subsystem.name());
        try {
          subsystem.request(request);
        } finally {
          request.end();
        }
      }
      return plan;
    } finally {
      requesting = false;
    }
  }

  private static int positive(String name, int count) {
    if (count < 1) {
      throw new IllegalArgumentException(name + " is " + count + "; it takes 1 or more");
    }
    return count;
  }

  private static int notNegative(String name, int number) {
    if (number < 0) {
      throw new IllegalArgumentException(name + " is " + number + "; it takes 0 or more");
    }
    return number;
  }

  private void requireNoRequest() {
    if (requesting) {
      throw new IllegalStateException(
          "the request phase is running: in ShmemSubsystem.request(), ask the ShmemRequest");
    }
  }

  private long[] options(ShmemPlan plan) {
    // First: the size of some structs depends on it.
    long backends = withChildren("maxBackends", backends(plan), SegmentNative.MAX_BACKENDS);
    long[] options = new long[SegmentNative.OPTION_COUNT];
    options[SegmentNative.OPTION_AREA_BYTES] = plan.areaBytes(backends);
    options[SegmentNative.OPTION_MAX_PROCESSES] =
        withChildren("maxProcesses", processes(), SegmentNative.MAX_PROCESSES);
    options[SegmentNative.OPTION_MAX_BACKENDS] = backends;
    options[SegmentNative.OPTION_MAX_HELD_LOCKS] = Math.max(maxHeldLocks, plan.heldLocks());
    options[SegmentNative.OPTION_MAX_TRANCHES] =
        limit(maxTranches, plan.tranches().size(), SPARE_TRANCHES, SegmentNative.MAX_TRANCHES);
    options[SegmentNative.OPTION_MAX_LWLOCKS] =
        limit(maxLWLocks, plan.locks(), SPARE_LWLOCKS, SegmentNative.MAX_LWLOCKS);
    options[SegmentNative.OPTION_MAX_STRUCTS] =
        limit(maxStructs, plan.structs().size(), SPARE_STRUCTS, SegmentNative.MAX_STRUCTS);
    options[SegmentNative.OPTION_MODE] = mode;
    options[SegmentNative.OPTION_MAX_CHILDREN] = maxChildren;
    options[SegmentNative.OPTION_AFTER] = after;
    options[SegmentNative.OPTION_PATIENCE_MS] = patience.toMillis();
    options[SegmentNative.OPTION_HUGE_PAGES] = hugePages.ordinal();
    return options;
  }

  private long processes() {
    return limit(maxProcesses, 1, DEFAULT_PROCESSES - 1, SegmentNative.MAX_PROCESSES - maxChildren);
  }

  private long backends(ShmemPlan plan) {
    int spare = plan.backends() == 0 ? DEFAULT_BACKENDS : SPARE_BACKENDS;
    return limit(maxBackends, plan.backends(), spare, SegmentNative.MAX_BACKENDS - maxChildren);
  }

  /** The sum of a limit and of the children, for whom there are as many more. */
  private long withChildren(String name, long others, int max) {
    if (maxChildren > 0 && others + maxChildren > max) {
      throw new IllegalArgumentException(
          "%s is %d and maxChildren is %d; together they take %d at most"
              .formatted(name, others, maxChildren, max));
    }
    return others + maxChildren;
  }

  /**
   * What was set, or what is asked for and some spare as far as {@code max} allows; never less than
   * what is asked for.
   */
  private static long limit(Integer set, long asked, int spare, long max) {
    return Math.max(asked, set == null ? Math.min(asked + spare, max) : set);
  }
}
