// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.lwshm.DataDirectoryException;
import org.lwshm.Segment;
import org.lwshm.SegmentBuilder;
import org.lwshm.SegmentInUseException;
import org.lwshm.ShmemSize;
import org.lwshm.ShmemSubsystem;
import org.lwshm.StopMode;
import org.lwshm.SystemCallException;

/**
 * What a postmaster is made from: what its segment holds, which children it starts, and what it
 * does when one crashes. For one thread.
 */
public final class PostmasterBuilder {

  /** How much longer than its children may take to leave a start waits for them. */
  private static final Duration START_AFTER_STOP = Duration.ofSeconds(5);

  private final Path dataDir;
  private final SegmentBuilder segment;
  private final List<ChildCommand> commands = new ArrayList<>();
  private final List<PostmasterListener> listeners = new ArrayList<>();
  private ChildCommand repairer;
  private CrashPolicy policy = CrashPolicy.RECOVER;
  private boolean restartAfterCrash = true;
  private boolean keepData;
  private boolean handlesSignals;
  private Duration startTimeout;
  private Duration stopTimeout = Duration.ofSeconds(10);
  private Duration repairTimeout = Duration.ofSeconds(60);
  private ChildOutput output = ChildOutput.toLog();
  private Runnable onReload = () -> {};

  PostmasterBuilder(Path dataDir) {
    this.dataDir = RunningPostmaster.requireDirectory(dataDir);
    segment = Segment.builder(this.dataDir);
  }

  /**
   * Sets up the segment: limits, structs, tranches.
   *
   * @param setUp takes its builder, and must not create from it
   * @return this
   */
  public PostmasterBuilder segment(Consumer<SegmentBuilder> setUp) {
    setUp.accept(segment);
    return this;
  }

  /**
   * Adds modules that ask for what they need in the segment and set it up, each time that it is
   * made; or adopt it ({@link #keepData}).
   *
   * @param modules in the order in which their phases run
   * @return this
   */
  public PostmasterBuilder register(ShmemSubsystem... modules) {
    segment.register(modules);
    return this;
  }

  /**
   * Adds children.
   *
   * @param command by which they are started
   * @return this
   * @throws IllegalArgumentException if there are children of that name already
   */
  public PostmasterBuilder child(ChildCommand command) {
    requireNewName(command, commands);
    commands.add(command);
    return this;
  }

  private static void requireNewName(ChildCommand command, List<ChildCommand> others) {
    for (ChildCommand other : others) {
      if (other.name().equals(command.name())) {
        throw new IllegalArgumentException(
            "there are children called \"" + command.name() + "\" already; name these otherwise");
      }
    }
  }

  /**
   * Who repairs what the dead left poisoned. It is a child, since the postmaster takes no lock: it
   * is started when somebody has died inside a lock, finds its place with {@link
   * org.lwshm.Backend#fromPostmaster}, calls {@link Segment#repairAll} and exits with 0. Whatever
   * else it does counts as a failed repair.
   *
   * @param command by which it is started, one at a time
   * @return this
   */
  public PostmasterBuilder repairer(ChildCommand command) {
    repairer = Objects.requireNonNull(command, "command");
    return this;
  }

  /**
   * Has a JVM repair, as {@link #repairer} says, with the callbacks that these modules register
   * when they {@linkplain ShmemSubsystem#attach attach}.
   *
   * @param modules classes with a public constructor that takes nothing
   * @return this
   * @throws IllegalArgumentException if one has no such constructor
   */
  @SafeVarargs
  public final PostmasterBuilder repairWith(Class<? extends ShmemSubsystem>... modules) {
    List<String> names = new ArrayList<>();
    for (Class<? extends ShmemSubsystem> module : modules) {
      RepairProcess.requireConstructor(module);
      names.add(module.getName());
    }
    return repairer(
        ChildCommand.java("repairer", RepairProcess.class, names.toArray(String[]::new)));
  }

  /**
   * What to do when a child has crashed; {@link CrashPolicy#RECOVER} if this is not said.
   *
   * @param crashPolicy which
   * @return this
   */
  public PostmasterBuilder policy(CrashPolicy crashPolicy) {
    policy = Objects.requireNonNull(crashPolicy, "crashPolicy");
    return this;
  }

  /**
   * Whether to go on with a new segment when the old one has to be given up; true if this is not
   * said. If not, the postmaster ends then, in order, with {@link Postmaster#EXIT_CRASHED}.
   *
   * @param restart whether
   * @return this
   */
  public PostmasterBuilder restartAfterCrash(boolean restart) {
    restartAfterCrash = restart;
    return this;
  }

  /**
   * Whether a start takes over the data that an earlier life left whose processes were all killed,
   * as {@link SegmentBuilder#open} does, instead of making the segment anew; false if this is not
   * said. What was poisoned then is repaired first ({@link #repairer}). A stop still deletes the
   * segment, and a restart of all after a crash still makes it anew.
   *
   * @param keep whether
   * @return this
   */
  public PostmasterBuilder keepData(boolean keep) {
    keepData = keep;
    return this;
  }

  /**
   * How long a start waits for processes of an earlier life to leave; 5 seconds longer than the
   * stop timeout if this is not said. They leave as soon as they notice that their postmaster is
   * dead, and those that hang are killed after their stop timeout.
   *
   * @param timeout 0 or more
   * @return this
   */
  public PostmasterBuilder startTimeout(Duration timeout) {
    startTimeout = notNegative("start", timeout);
    return this;
  }

  /**
   * How long children may take to end when they are told to, before they are killed; 10 seconds if
   * this is not said. As long may a child take to leave when the postmaster has died.
   *
   * @param timeout 0 or more
   * @return this
   */
  public PostmasterBuilder stopTimeout(Duration timeout) {
    stopTimeout = notNegative("stop", timeout);
    return this;
  }

  /**
   * How long a repair may take before it counts as failed; 60 seconds if this is not said.
   *
   * @param timeout 0 or more
   * @return this
   */
  public PostmasterBuilder repairTimeout(Duration timeout) {
    repairTimeout = notNegative("repair", timeout);
    return this;
  }

  private static Duration notNegative(String what, Duration timeout) {
    if (timeout.isNegative() || timeout.compareTo(ChildCommand.MAX_TIME) > 0) {
      throw new IllegalArgumentException(
          what + " timeout is " + timeout + "; it takes 0 to 365 days");
    }
    return timeout;
  }

  /**
   * Where the children's output goes; to the log if this is not said.
   *
   * @param sink takes its lines
   * @return this
   */
  public PostmasterBuilder output(ChildOutput sink) {
    output = Objects.requireNonNull(sink, "sink");
    return this;
  }

  /**
   * What to do on {@link Postmaster#reload}, besides telling the children.
   *
   * @param callback called by the postmaster's thread
   * @return this
   */
  public PostmasterBuilder onReload(Runnable callback) {
    onReload = Objects.requireNonNull(callback, "callback");
    return this;
  }

  /**
   * Adds somebody who hears what the postmaster does.
   *
   * @param listener who
   * @return this
   */
  public PostmasterBuilder listener(PostmasterListener listener) {
    listeners.add(Objects.requireNonNull(listener, "listener"));
    return this;
  }

  /**
   * Has signals stop and reload the postmaster, instead of ending the JVM: SIGTERM stops it {@link
   * StopMode#SMART}, SIGINT {@link StopMode#FAST}, SIGUSR1 {@link StopMode#IMMEDIATE} (PostgreSQL
   * has SIGQUIT for that, which a JVM answers with a thread dump), SIGHUP reloads. One postmaster a
   * process may. When it has ended, they do what they did before.
   *
   * <p>Without it, a signal that ends the JVM stops the postmaster fast on the way.
   *
   * @return this
   */
  public PostmasterBuilder handleSignals() {
    handlesSignals = true;
    return this;
  }

  /**
   * What the segment will take, the children's slots included. Makes nothing; the subsystems are
   * asked.
   *
   * @return the account, whose total is exact
   * @throws IllegalArgumentException if a limit is out of its range, or a name was asked for twice
   * @throws ArithmeticException if the sum overflows
   */
  public ShmemSize size() {
    int children = commands.stream().mapToInt(ChildCommand::count).sum();
    return segment.maxChildren(children + (repairer == null ? 0 : 1)).size();
  }

  /**
   * Takes the data directory, makes the segment and starts the children.
   *
   * <p>The postmaster's thread writes to the log (SLF4J); while that sleeps, it does nothing. So
   * have a log that does not wait for its reader.
   *
   * @return the postmaster, which runs in a thread of its own until it is stopped or all children
   *     have ended for good
   * @throws SegmentInUseException if the directory has a postmaster, or processes of an earlier
   *     life are in its segment and do not leave in time; with their pids
   * @throws LockFileException if its lock file is damaged, unreadable or another's
   * @throws DataDirectoryException if the directory is of no use
   * @throws IllegalArgumentException if there is no child, the repairer is called like one, or a
   *     program cannot be executed
   * @throws SystemCallException if the kernel refuses something
   * @throws PostmasterException if it is stopped meanwhile
   */
  public Postmaster start() {
    if (commands.isEmpty()) {
      throw new IllegalArgumentException("a postmaster needs children: call child(…)");
    }
    if (repairer != null) {
      requireNewName(repairer, commands);
    }
    PostmasterOptions options =
        new PostmasterOptions(
            dataDir,
            segment,
            List.copyOf(commands),
            repairer,
            policy,
            restartAfterCrash,
            keepData,
            startTimeout == null ? stopTimeout.plus(START_AFTER_STOP) : startTimeout,
            stopTimeout,
            repairTimeout,
            output,
            onReload,
            new Listeners(List.copyOf(listeners)));
    return Postmaster.start(options, handlesSignals);
  }
}
