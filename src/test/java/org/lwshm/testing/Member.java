// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.LWLockTranche;
import org.lwshm.LimitExceededException;
import org.lwshm.Segment;
import org.lwshm.SegmentBuilder;
import org.lwshm.SegmentInUseException;
import org.lwshm.SegmentNotReadyException;
import org.lwshm.SharedStruct;
import org.lwshm.ShmemRequest;
import org.lwshm.ShmemSubsystem;
import org.lwshm.SizeMismatchException;
import org.lwshm.SystemCallException;

/**
 * A process that is a member of a segment and does what a test tells it. {@code
 * processes/member_program.c} is the same in C.
 *
 * <p>The segment has a struct "words" of {@link #WORDS} bytes and a tranche "locks" of {@link
 * #LOCKS}. Commands, and what comes after "ok" in the reply:
 *
 * <pre>
 * create DIR PROCESSES BACKENDS HELD_LOCKS    id generation key
 * create-slowly DIR                           says "in init", waits for a line there; as create
 * attach DIR                                  id generation key
 * layout                                      segment's size; struct's offset, size; tranche's
 * get INDEX, put INDEX VALUE                  a long of the struct
 * struct NAME SIZE                            offset
 * join                                        slot generation
 * acquire LOCK X|S, try LOCK X|S, release LOCK
 * contend LOCKS HELD TURNS PARTIES GATE SEED  how often it wrote; how often a pair was unequal
 * leave, close, exit STATUS
 * </pre>
 *
 * <p>"error" is followed by the exception's name, its values, or - if it has none, and the message.
 */
public final class Member {

  public static final String C_PROGRAM = "processes/member_program";
  public static final int WORDS = 4096;
  public static final int LOCKS = 8;

  /** The distance of two locks' data in the struct; each is two words, in a line of its own. */
  public static final int ROW = 128;

  private static final int SECOND_WORD = 64;

  private final BlockingQueue<String> commands = new LinkedBlockingQueue<>();
  private Segment segment;
  private SharedStruct words;
  private LWLockTranche locks;
  private Backend me;

  private Member() {}

  /** A segment as members know it. */
  public static SegmentBuilder builder(Path dataDir) {
    return Segment.builder(dataDir).struct("words", WORDS).tranche("locks", LOCKS);
  }

  public static void main(String[] args) throws InterruptedException {
    Member member = new Member();
    Thread reader = new Thread(member::readCommands, "commands");
    reader.setDaemon(true);
    reader.start();
    for (; ; ) {
      Lines.say(member.reply(member.commands.take()));
    }
  }

  /** In a thread of its own, so that the end of stdin ends one that waits for a lock, too. */
  private void readCommands() {
    try (BufferedReader in = Lines.in()) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        commands.add(line);
      }
    } catch (IOException e) {
      // As good as the end.
    }
    System.exit(0);
  }

  private String reply(String command) {
    try {
      return ("ok " + run(command.split(" "))).strip();
    } catch (Exception e) {
      return "error " + e.getClass().getSimpleName() + " " + values(e) + " " + e.getMessage();
    }
  }

  private static String values(Exception e) {
    if (e instanceof SegmentInUseException inUse) {
      return inUse.pids().toString().replaceAll("[^0-9,]", "");
    } else if (e instanceof SegmentNotReadyException notReady) {
      return "" + notReady.creatorPid();
    } else if (e instanceof LimitExceededException limit) {
      return limit.asked() + "," + limit.left();
    } else if (e instanceof SizeMismatchException mismatch) {
      return mismatch.asked() + "," + mismatch.found();
    } else if (e instanceof SystemCallException call) {
      return "" + call.errno();
    }
    return "-";
  }

  private String run(String[] c) throws Exception {
    switch (c[0]) {
      case "create":
        return open(limited(builder(Path.of(c[1])), c).create());
      case "create-slowly":
        return open(builder(Path.of(c[1])).register(new Slow()).create());
      case "attach":
        return open(Segment.attach(Path.of(c[1])));
      case "layout":
        return segment.size()
            + (" " + words.offset() + " " + words.size())
            + (" " + locks.lock(0).offset() + " " + locks.size());
      case "get":
        return "" + words.getLong(Long.parseLong(c[1]));
      case "put":
        words.putLong(Long.parseLong(c[1]), Long.parseLong(c[2]));
        return "";
      case "struct":
        return "" + segment.initStruct(c[1], Long.parseLong(c[2])).offset();
      case "join":
        me = segment.join();
        return me.slot() + " " + me.generation();
      case "acquire":
        lock(c[1]).acquire(me, mode(c[2]));
        return "";
      case "try":
        return lock(c[1]).tryAcquire(me, mode(c[2])) ? "1" : "0";
      case "release":
        lock(c[1]).release(me);
        return "";
      case "contend":
        return contend(
            Integer.parseInt(c[1]),
            Integer.parseInt(c[2]),
            Integer.parseInt(c[3]),
            Integer.parseInt(c[4]),
            Long.parseLong(c[5]),
            Long.parseLong(c[6]));
      case "leave":
        me.close();
        return "";
      case "close":
        segment.close();
        return "";
      case "exit":
        System.exit(Integer.parseInt(c[1]));
        return "";
      default:
        throw new IllegalArgumentException("no such command: " + c[0]);
    }
  }

  private static SegmentBuilder limited(SegmentBuilder builder, String[] c) {
    return builder
        .maxProcesses(Integer.parseInt(c[2]))
        .maxBackends(Integer.parseInt(c[3]))
        .maxHeldLocks(Integer.parseInt(c[4]));
  }

  private final class Slow implements ShmemSubsystem {
    @Override
    public void request(ShmemRequest request) {
      request.struct("slow", 8);
    }

    @Override
    public void init(Segment unpublished) {
      unpublished.struct("slow").putLong(0, 1);
      Lines.say("in init");
      try {
        commands.take();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private String open(Segment opened) {
    segment = opened;
    words = opened.struct("words");
    locks = opened.tranche("locks");
    return opened.id() + " " + opened.generation() + " " + opened.key();
  }

  private LWLock lock(String index) {
    return locks.lock(Integer.parseInt(index));
  }

  private static LWLockMode mode(String name) {
    return name.equals("X") ? LWLockMode.EXCLUSIVE : LWLockMode.SHARED;
  }

  private String contend(int count, int held, int turns, int parties, long gate, long seed) {
    Contention contention = new Contention(words, locks, me, seed);
    words.getAndAddLong(gate, 1);
    while (words.getLongVolatile(gate) < parties) {
      Thread.yield();
    }
    for (int turn = 0; turn < turns; turn++) {
      contention.turn(count, held);
    }
    return contention.writes() + " " + contention.unequal();
  }

  /**
   * Turns of work under locks: who has one exclusively adds 1 to each of its two words, who has it
   * shared looks whether they are equal.
   */
  public static final class Contention {
    private final SharedStruct words;
    private final LWLock[] locks;
    private final Backend me;
    private long random;
    private long writes;
    private long unequal;

    public Contention(SharedStruct words, LWLockTranche tranche, Backend me, long seed) {
      this.words = words;
      this.me = me;
      random = seed;
      locks = new LWLock[tranche.size()];
      for (int i = 0; i < locks.length; i++) {
        locks[i] = tranche.lock(i);
      }
    }

    /** Takes one lock of the first {@code count}, or two, and works under it. */
    public void turn(int count, int held) {
      int a = next(count);
      int b = held == 1 ? a : (a + 1 + next(count - 1)) % count;
      // Always in one order, or two would wait for one another.
      int first = Math.min(a, b);
      int second = Math.max(a, b);
      LWLockMode firstMode = LWLockMode.values()[next(2)];
      LWLockMode secondMode = LWLockMode.values()[next(2)];
      locks[first].acquire(me, firstMode);
      // Whatever stops it, a lock refused because the process ends included: none is left held.
      try {
        if (second != first) {
          locks[second].acquire(me, secondMode);
          work(second, secondMode);
        }
        work(first, firstMode);
        if (second != first && next(2) == 0) {
          locks[second].release(me);
          second = first;
        }
        locks[first].release(me);
        if (second != first) {
          locks[second].release(me);
        }
      } finally {
        me.releaseAll();
      }
    }

    private void work(int lock, LWLockMode mode) {
      long first = (long) lock * ROW;
      long second = first + SECOND_WORD;
      long value = words.getLong(first);
      if (mode == LWLockMode.EXCLUSIVE) {
        words.putLong(first, value + 1);
        dwell();
        words.putLong(second, words.getLong(second) + 1);
        writes++;
      } else {
        dwell();
        unequal += words.getLong(second) == value ? 0 : 1;
      }
    }

    /**
     * Long enough for another processor to come in between, were it let in; and now and then others
     * meet a lock whose holder does not run, and park.
     */
    private void dwell() {
      for (int i = 0; i < 4; i++) {
        Thread.onSpinWait();
      }
      if (next(32) == 0) {
        Thread.yield();
      }
    }

    // xorshift64, of G. Marsaglia
    private int next(int bound) {
      random ^= random << 13;
      random ^= random >>> 7;
      random ^= random << 17;
      return (int) ((random >>> 33) % bound);
    }

    public long writes() {
      return writes;
    }

    public long unequal() {
      return unequal;
    }
  }
}
