// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.lwshm.internal.Log;
import org.lwshm.internal.PathText;
import org.lwshm.internal.SegmentAccess;
import org.lwshm.jni.LWLockNative;
import org.lwshm.jni.Layout;
import org.lwshm.jni.NativeLibrary;
import org.lwshm.jni.PostmasterNative;
import org.lwshm.jni.RawMemory;
import org.lwshm.jni.SegmentNative;
import org.lwshm.jni.SemaphoreNative;
import org.lwshm.jni.ShmemNative;
import org.lwshm.jni.Status;
import org.lwshm.jni.TrancheNative;

/**
 * A shared memory segment that this process is attached to.
 *
 * <p>One process creates it ({@link #builder}), others attach to it ({@link #attach(Path,
 * ShmemSubsystem...)}); or each opens it ({@link SegmentBuilder#open}), and the first one makes it.
 * It belongs to a data directory, by which it is found, and which has at most one that is in use; a
 * private one has none and is found by its {@link #id()}.
 *
 * <p>It lives as long as any process is in it, whoever made it: the last one out deletes it. If all
 * were killed, it stays: {@code open()} adopts it with its data, {@code create()} replaces it.
 *
 * <p>Any thread may use it. It must be closed ({@link #close()}); if the process ends before, a
 * shutdown hook does the same. What it is ({@link #id()}, {@link #size()} and so on) it tells after
 * that too; all else, and everything got from it, throws {@link IllegalStateException}.
 *
 * <p>Source: PostgreSQL, src/backend/port/sysv_shmem.c and src/backend/storage/ipc/ipci.c.
 */
public final class Segment implements AutoCloseable {

  private static final Log LOG = Log.of(Segment.class);

  private static final int FIRST_GUESS = 64;

  static {
    SegmentAccess.set(new SegmentInternals());
  }

  private final Path dataDir;
  private final Attachment attachment;
  private final Backends backends;
  private final ExitCallbacks exitCallbacks = new ExitCallbacks();
  private final int maxHeldLocks;
  private final Map<Integer, RepairCallback> repairCallbacks = new ConcurrentHashMap<>();

  /** "init", "attach" or "adopt" while subsystems run, else null. */
  private volatile String phase;

  /** Null unless it was got from one. */
  private volatile PostmasterLink postmaster;

  /** Whether the creation failed, so that it is undone whoever is joined. */
  private volatile boolean abandoned;

  private Segment(long handle, Path dataDir) {
    this.dataDir = dataDir;
    attachment = new Attachment(handle);
    backends = new Backends(this, attachment);
    maxHeldLocks = RawMemory.getInt(attachment.base() + Layout.HEADER_MAX_HELD_LOCKS);
    if (LWLock.CHECKS_ORDER) {
      attachment.call(segment -> LWLockNative.checkLockOrder(segment, 1));
    }
    exitCallbacks.registerStep(ExitCallbacks.Stage.ON_SHMEM_EXIT, this::detach);
    exitCallbacks.registerStep(ExitCallbacks.Stage.BACKENDS_LEAVE, backends::leaveAll);
  }

  /**
   * Opens a segment, so that an exit of the process finds it.
   *
   * @param nativeOpen writes the handle into the array it is given, and checks its status
   * @param setUp what else is to be done; if it throws, the segment is left again
   */
  static Segment open(Path dataDir, Consumer<long[]> nativeOpen, Consumer<Segment> setUp) {
    NativeLibrary.load();
    return OpenSegments.open(nativeOpen, handle -> new Segment(handle, dataDir), setUp);
  }

  /**
   * Begins to make the segment of a data directory.
   *
   * @param dataDir an existing directory of this user's, on the default file system
   * @return a builder with the defaults
   */
  public static SegmentBuilder builder(Path dataDir) {
    return new SegmentBuilder(Objects.requireNonNull(dataDir, "dataDir"));
  }

  /**
   * Begins to make a segment that belongs to no data directory and is found by its id.
   *
   * @return a builder with the defaults
   */
  public static SegmentBuilder privateBuilder() {
    return new SegmentBuilder(null);
  }

  /**
   * Attaches to the segment of a data directory, and lets the subsystems attach. The processes that
   * use it may be in any PID namespace, and share an IPC namespace and the directory, where this
   * process must be able to write.
   *
   * <p>The segment lives on as long as this process is in it, even if the one that made it leaves.
   *
   * @param dataDir the directory that it was made for
   * @param subsystems in the order in which they attach
   * @return the segment; the last process to close it deletes it
   * @throws SegmentNotFoundException if the directory has none, or all its processes were killed,
   *     or somebody has removed it and the kernel does not let this process in any more
   * @throws ForeignSegmentException if more people may use it than this process accepts
   * @throws SegmentInUseException if another process has been creating or leaving it for 10 seconds
   * @throws SegmentNotReadyException if it is still being created
   * @throws DataDirectoryException if the data directory is of no use
   * @throws CorruptSegmentException if a field of it is out of range
   * @throws AbiVersionException if another version of lwshm made it
   * @throws NamespaceException if it was made in another IPC namespace
   * @throws LimitExceededException if as many processes are attached as may be
   */
  public static Segment attach(Path dataDir, ShmemSubsystem... subsystems) {
    return attach(dataDir, 0600, subsystems);
  }

  /**
   * Attaches to the segment of a data directory if nobody else may who {@code widestMode} does not
   * allow.
   *
   * @param dataDir the directory that it was made for
   * @param widestMode permission bits; a segment with others is treated as foreign
   * @param subsystems in the order in which they attach
   * @return the segment
   * @see #attach(Path, ShmemSubsystem...)
   */
  public static Segment attach(Path dataDir, int widestMode, ShmemSubsystem... subsystems) {
    byte[] path = pathBytes(Objects.requireNonNull(dataDir, "dataDir"));
    return open(
        dataDir,
        handle -> Status.checkSegment(SegmentNative.attach(path, widestMode, handle)),
        segment -> segment.attachSubsystems(subsystems));
  }

  /**
   * Attaches to the segment with a SysV id, which is how a private one is found.
   *
   * @param shmid its {@link #id()}
   * @param subsystems in the order in which they attach
   * @return the segment
   * @throws ForeignSegmentException if that segment is none of lwshm's
   * @throws NamespaceException if it was made in another PID namespace
   * @see #attach(Path, ShmemSubsystem...)
   */
  public static Segment attach(int shmid, ShmemSubsystem... subsystems) {
    return attach(shmid, 0600, subsystems);
  }

  /**
   * Attaches to the segment with a SysV id if nobody else may who {@code widestMode} does not
   * allow.
   *
   * @param shmid its {@link #id()}
   * @param widestMode permission bits; a segment with others is treated as foreign
   * @param subsystems in the order in which they attach
   * @return the segment
   * @see #attach(int, ShmemSubsystem...)
   */
  public static Segment attach(int shmid, int widestMode, ShmemSubsystem... subsystems) {
    return open(
        null,
        handle -> Status.checkSegment(SegmentNative.attachId(shmid, widestMode, handle)),
        segment -> segment.attachSubsystems(subsystems));
  }

  static byte[] pathBytes(Path dataDir) {
    if (dataDir == null) {
      return null;
    }
    if (dataDir.getFileSystem() != FileSystems.getDefault()) {
      throw new IllegalArgumentException(dataDir + " is not on the default file system");
    }
    return PathText.of(dataDir).getBytes(StandardCharsets.UTF_8);
  }

  /** The creator's phases after the native creation: all that was requested, init, publish. */
  void initialise(ShmemPlan plan, List<ShmemSubsystem> subsystems) {
    inPhase(
        "init",
        () -> {
          plan.structs().forEach(this::initRequested);
          plan.tranches().forEach(tranche -> initTranche(tranche.name(), (int) tranche.amount()));
          subsystems.forEach(subsystem -> subsystem.init(this));
          attachment.call(SegmentNative::publish);
        });
  }

  /** What follows a native open, whose result is {@code opened}. */
  void begin(int opened, ShmemPlan plan, List<ShmemSubsystem> subsystems) {
    switch (opened) {
      case SegmentNative.OPENED_CREATED -> initialise(plan, subsystems);
      case SegmentNative.OPENED_ADOPTED ->
          inPhase(
              "adopt",
              () -> {
                subsystems.forEach(subsystem -> subsystem.adopt(this));
                attachment.call(SegmentNative::publish);
              });
      default -> attachSubsystems(subsystems.toArray(ShmemSubsystem[]::new));
    }
  }

  private void initRequested(ShmemPlan.Entry struct) {
    if (struct.semaphore() == null) {
      initArea(struct.name(), struct.amount());
    } else {
      initSemaphore(struct.name(), (int) struct.amount(), struct.semaphore());
    }
  }

  private void attachSubsystems(ShmemSubsystem... subsystems) {
    inPhase("attach", () -> List.of(subsystems).forEach(subsystem -> subsystem.attach(this)));
  }

  private void inPhase(String name, Runnable work) {
    phase = name;
    try {
      work.run();
    } finally {
      phase = null;
    }
  }

  /**
   * Finds an area, or makes it, zeroed, if there is room for it.
   *
   * @param name its name, 1 to 47 bytes of UTF-8
   * @param size bytes, 1 or more
   * @return the area; if it was not {@link SharedStruct#isFound() found}, the caller initialises it
   * @throws SizeMismatchException if it exists with another size
   * @throws LimitExceededException if there is no room for it
   */
  public SharedStruct initStruct(String name, long size) {
    attachment.handOut();
    return sharedStruct(name, initArea(name, size));
  }

  /** What {@code ShmemNative.initStruct} says of an area. */
  private long[] initArea(String name, long size) {
    byte[] bytes = Names.encode("struct", name, ShmemNative.STRUCT_NAME_MAX);
    if (size <= 0) {
      throw new IllegalArgumentException(
          "size of struct \"" + name + "\" is " + size + "; it must be 1 or more");
    }
    long[] area = new long[ShmemNative.AREA_COUNT];
    attachment.call(handle -> ShmemNative.initStruct(handle, bytes, size, area));
    return area;
  }

  /**
   * Finds an area.
   *
   * @param name its name
   * @return the area
   * @throws NotFoundException if there is none of that name
   */
  public SharedStruct struct(String name) {
    byte[] bytes = Names.encode("struct", name, ShmemNative.STRUCT_NAME_MAX);
    long[] area = new long[ShmemNative.AREA_COUNT];
    attachment.handOut();
    attachment.call(handle -> ShmemNative.indexFind(handle, bytes, area));
    return sharedStruct(name, area);
  }

  private SharedStruct sharedStruct(String name, long[] area) {
    return new SharedStruct(
        attachment,
        name,
        area[ShmemNative.AREA_OFFSET],
        area[ShmemNative.AREA_SIZE],
        area[ShmemNative.AREA_FOUND] != 0);
  }

  /**
   * Finds a tranche.
   *
   * @param name its name
   * @return the tranche
   * @throws NotFoundException if there is none of that name
   */
  public LWLockTranche tranche(String name) {
    byte[] bytes = Names.encode("tranche", name, TrancheNative.TRANCHE_NAME_MAX);
    long[] tranche = new long[TrancheNative.TRANCHE_COUNT];
    attachment.handOut();
    attachment.call(handle -> TrancheNative.find(handle, bytes, tranche));
    return lwlockTranche(name, tranche);
  }

  /**
   * Finds a tranche, or makes it, its locks free, if there is room for it.
   *
   * @param name its name, 1 to 63 bytes of UTF-8
   * @param locks how many, 1 or more
   * @return the tranche
   * @throws SizeMismatchException if it exists with another number of locks
   * @throws LimitExceededException if there is no room for it
   */
  public LWLockTranche tranche(String name, int locks) {
    attachment.handOut();
    return lwlockTranche(name, initTranche(name, locks));
  }

  /** What {@code TrancheNative.init} says of a tranche. */
  private long[] initTranche(String name, int locks) {
    byte[] bytes = Names.encode("tranche", name, TrancheNative.TRANCHE_NAME_MAX);
    if (locks <= 0) {
      throw new IllegalArgumentException(
          "number of locks of tranche \"" + name + "\" is " + locks + "; it must be 1 or more");
    }
    long[] tranche = new long[TrancheNative.TRANCHE_COUNT];
    attachment.call(handle -> TrancheNative.init(handle, bytes, locks, tranche));
    return tranche;
  }

  private LWLockTranche lwlockTranche(String name, long[] tranche) {
    return new LWLockTranche(
        this,
        name,
        (int) tranche[TrancheNative.TRANCHE_ID],
        tranche[TrancheNative.TRANCHE_OFFSET],
        (int) tranche[TrancheNative.TRANCHE_LOCKS]);
  }

  /** Finds a semaphore, or makes it; what {@code SemaphoreNative.init} says of it. */
  long[] initSemaphore(String name, int permits, SemaphoreKind kind) {
    byte[] bytes = Names.encode("semaphore", name, ShmemNative.STRUCT_NAME_MAX);
    int code = kind.code();
    long[] semaphore = new long[SemaphoreNative.SEMAPHORE_COUNT];
    attachment.call(handle -> SemaphoreNative.init(handle, bytes, permits, code, semaphore));
    return semaphore;
  }

  /** Finds a semaphore; what {@code SemaphoreNative.find} says of it. */
  long[] findSemaphore(String name) {
    byte[] bytes = Names.encode("semaphore", name, ShmemNative.STRUCT_NAME_MAX);
    long[] semaphore = new long[SemaphoreNative.SEMAPHORE_COUNT];
    attachment.call(handle -> SemaphoreNative.find(handle, bytes, semaphore));
    return semaphore;
  }

  /** {@return what is allocated in the segment at this moment} */
  public ShmemIndex shmemIndex() {
    return ShmemIndex.read(attachment);
  }

  /**
   * Gives the calling thread a backend, which it needs to take locks.
   *
   * @return the backend; to be closed by the same thread
   * @throws IllegalStateException if the thread has joined already, or the segment is closed or
   *     being closed
   * @throws LimitExceededException if all slots are taken
   */
  public Backend join() {
    return backends.join();
  }

  /**
   * The calling thread's backend. A thread that has none joins now; it leaves when it closes the
   * backend, or ends.
   *
   * @return what {@link #join()} returned to this thread, or returns now
   * @throws IllegalStateException if the segment is closed or being closed
   * @throws LimitExceededException if all slots are taken
   */
  public Backend backend() {
    Backend mine = backends.mine();
    return mine != null ? mine : join();
  }

  /** The calling thread's backend; null if it has none. */
  Backend backendOrNull() {
    return backends.mine();
  }

  /** Takes the place that a postmaster means for this process. */
  Backend joinPlace(long[] parameters, PostmasterLink link) {
    Backend joined =
        backends.join((handle, result) -> PostmasterNative.joinSlot(handle, parameters, result));
    postmaster = link;
    return joined;
  }

  /**
   * The way to the postmaster that has started this process; after the segment is closed, too.
   *
   * @return the same one each time
   * @throws IllegalStateException if the segment was not got from one
   */
  public PostmasterLink postmaster() {
    PostmasterLink link = postmaster;
    if (link == null) {
      throw new IllegalStateException(
          "segment "
              + id()
              + " was not got from a postmaster: have one start this process, and call"
              + " Backend.fromPostmaster() instead of Segment.attach()");
    }
    return link;
  }

  /**
   * The locks whose holders died inside and whose data were not repaired since. Takes no lock. The
   * locks of a process that was killed just now are among them once another process has cleaned up
   * after it; {@link #reapDead()} does.
   *
   * @return as of this moment
   */
  public List<LWLock> poisonedLocks() {
    return PoisonedLocks.of(this);
  }

  /**
   * Has what poisoned locks guard repaired: acquires each of them with the calling thread's {@link
   * #backend()} and releases it, so that the repair callbacks of this process run ({@link
   * LWLockTranche#onRepair}).
   *
   * @return how many are poisoned no more
   * @throws OwnerDiedException the first that could not be repaired, with the others as suppressed
   *     ones, when all have been tried
   * @throws LimitExceededException if the calling thread has not joined, and all slots are taken
   */
  public int repairAll() {
    return PoisonedLocks.repair(this, backend());
  }

  /**
   * Cleans up at once after all that are proven dead: processes that were killed, and threads of
   * this process that ended without closing their backends. (A backend that was merely dropped is
   * not among them: its thread keeps it as long as it lives.) What they held shared is released.
   * What they held exclusively becomes poisoned; see {@link OwnerDiedException}. Their slots and
   * entries are free again.
   *
   * <p>No program has to call it. A waiter does the same for the backend that it waits for, {@link
   * #join()} does it when no slot is left, and every process looks after its own threads. This call
   * does it for all at once, and returns when it is done.
   *
   * @return how many backends were cleaned up after
   */
  public int reapDead() {
    return backends.endOrphans() + attachment.call(SegmentNative::reapDead);
  }

  /** {@return all joined backends, of this and other processes, each as of a moment of its own} */
  public List<BackendInfo> backends() {
    return BackendInfo.list(attachment);
  }

  /** {@return the pids of the processes that have entered the segment and not left it} */
  public int[] processes() {
    for (int capacity = FIRST_GUESS; ; ) {
      int[] pids = new int[capacity];
      int count = attachment.call(handle -> SegmentNative.processes(handle, pids));
      if (count <= capacity) {
        return Arrays.copyOf(pids, count);
      }
      capacity = count;
    }
  }

  /** {@return the SysV id, as {@code ipcs -m} shows it} */
  public int id() {
    return (int) attachment.info(SegmentNative.INFO_SHMID);
  }

  /** {@return the SysV key, seeded with the data directory's inode; 0 for a private segment} */
  public int key() {
    return (int) attachment.info(SegmentNative.INFO_KEY);
  }

  /** {@return the size in bytes} */
  public long size() {
    return attachment.info(SegmentNative.INFO_SIZE);
  }

  /** {@return 1, and one more each time a dead segment of the data directory was replaced} */
  public int generation() {
    return (int) attachment.info(SegmentNative.INFO_GENERATION);
  }

  /** {@return whether this object made the segment} */
  public boolean isCreator() {
    return attachment.info(SegmentNative.INFO_IS_CREATOR) != 0;
  }

  /** {@return whether this object took the segment over from processes that were all killed} */
  public boolean isAdopter() {
    return attachment.info(SegmentNative.INFO_IS_ADOPTER) != 0;
  }

  /**
   * Whether somebody has removed the segment ({@code ipcrm}, or systemd's RemoveIPC). Its processes
   * can use it still, but it goes with them, and no other can be made before.
   *
   * @return as of this moment
   */
  public boolean isRemoved() {
    long[] info = new long[SegmentNative.INFO_COUNT];
    attachment.call(handle -> SegmentNative.info(handle, info));
    return info[SegmentNative.INFO_IS_REMOVED] != 0;
  }

  /** {@return the data directory as it was given; null if the segment was not found by one} */
  public Path dataDir() {
    return dataDir;
  }

  /** {@return what runs when the segment is left} */
  public ExitCallbacks exitCallbacks() {
    return exitCallbacks;
  }

  /** {@return whether the segment has been left, or is being left and gone already} */
  public boolean isClosed() {
    return attachment.isGone();
  }

  /**
   * Leaves the segment, by way of the {@link ExitCallbacks}. The last process out deletes it,
   * whoever made it. It stays if another process, which may be stopped, is creating or leaving and
   * does not come to an end in 2 seconds: then the next {@code create()} or {@code open()} finds
   * it. Closing again does nothing; a second thread that closes waits for the first.
   *
   * <p>The calling thread's own backend is closed, and those of threads that have ended. Private
   * zeros take the memory's place, so a buffer that someone kept reads zeros.
   *
   * <p>For that the address range stays reserved until the process ends: as many bytes of address
   * space as the segment has, but no memory, and one of the mappings that the kernel grants a
   * process ({@code vm.max_map_count}, 65,530 by default). So keep a segment open rather than open
   * it again and again. A process that has got no struct, tranche or backend of it gives the range
   * back.
   *
   * <p>If it returns, the segment is left. If it throws on the way (a {@code StackOverflowError},
   * an {@code OutOfMemoryError}, a refusal of the kernel), closing again goes on where it stopped.
   *
   * @throws SegmentBusyException if other threads are joined, and then nothing has happened; or if
   *     calls of theirs do not come back, or the thread that closes already does not
   * @throws SystemCallException if the kernel refuses to detach
   * @throws IllegalStateException in a subsystem's init, attach or adopt
   */
  @Override
  public void close() {
    if (exitCallbacks.isRunner()) {
      return;
    }
    if (phase != null) {
      throw new IllegalStateException(
          "segment " + id() + " is in its " + phase + " phase: throw an exception to undo it");
    }
    if (exitCallbacks.stage() != ExitCallbacks.Stage.DONE) {
      backends.beginExit(false);
    }
    leave();
  }

  /** Undoes the opening, whoever is joined. */
  void abandon() {
    abandoned = true;
    backends.beginExit(true);
    leave();
  }

  /** Does nothing if it was done before. */
  private void leave() {
    exitCallbacks.run(false);
    OpenSegments.remove(this);
    // On the way out of the process, or when undone, other threads may be inside a native call.
    if (!exitCallbacks.isProcessExit() && backends.isEmpty()) {
      attachment.free();
    }
  }

  /** The shutdown hook's way to close. */
  void exitWithProcess() {
    backends.beginExit(true);
    exitCallbacks.run(true);
  }

  private void detach() {
    attachment.detach(abandoned || exitCallbacks.isProcessExit());
    LOG.debug("detached from segment {}", id());
  }

  Attachment attachment() {
    return attachment;
  }

  /** Who repairs what the locks of a tranche guard, by its id. */
  Map<Integer, RepairCallback> repairCallbacks() {
    return repairCallbacks;
  }

  /** Records of a backend, a power of two. */
  int maxHeldLocks() {
    return maxHeldLocks;
  }

  @Override
  public String toString() {
    return "segment "
        + id()
        + " of "
        + (dataDir == null ? "no data directory" : dataDir)
        + ", "
        + size()
        + " bytes"
        + (isClosed() ? ", closed" : "");
  }
}
