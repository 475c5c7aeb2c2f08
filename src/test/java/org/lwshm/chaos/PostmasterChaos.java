// SPDX-License-Identifier: Apache-2.0

package org.lwshm.chaos;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Kills a postmaster and its children with -9 at random moments of start, init, loop, crash
 * handling and stop. After each, a new start must succeed, and after the last stop nothing may be
 * left: no process, no file; that no segment is, {@code build/in-ipc-namespace.sh} sees to.
 *
 * <p>Arguments: an empty directory, java, class path, worker program, kills, seed (0: any). The
 * last line is "postmaster chaos: N kills, R starts refused, T torn, L left over".
 */
public final class PostmasterChaos {

  private enum Moment {
    START,
    INIT,
    LOOP,
    CRASH,
    STOP
  }

  private static final String END = new String("end");
  private static final int PATIENCE_S = 60;
  private static final List<String> POLICIES = List.of("RECOVER", "RESTART_ALL");

  private final Path directory;
  private final Path dataDir;
  private final Path log;
  private final List<String> javaCommand;
  private final String program;
  private final Random random;
  private int kills;
  private int refused;
  private long startMillis = 300;

  private PostmasterChaos(String[] args) throws IOException {
    directory = Path.of(args[0]);
    dataDir = Files.createDirectory(directory.resolve("data"));
    log = Files.createFile(directory.resolve("log"));
    javaCommand =
        List.of(
            args[1],
            "-Xshare:auto",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx64m",
            "-cp",
            args[2],
            ChaosPostmaster.class.getName());
    program = args[3];
    long seed = Long.parseLong(args[5]) != 0 ? Long.parseLong(args[5]) : System.nanoTime();
    random = new Random(seed);
    System.out.println("seed " + seed);
  }

  /**
   * Kills.
   *
   * @param args as above
   * @throws IOException if a process cannot be started
   * @throws InterruptedException never
   */
  public static void main(String[] args) throws IOException, InterruptedException {
    PostmasterChaos chaos = new PostmasterChaos(args);
    int wanted = Integer.parseInt(args[4]);
    while (chaos.kills < wanted) {
      chaos.round();
    }
    chaos.lastStop();
    int torn = (int) chaos.lines().filter(line -> line.endsWith(" torn")).count();
    int left = chaos.left();
    System.out.printf(
        "postmaster chaos: %d kills, %d starts refused, %d torn, %d left over%n",
        chaos.kills, chaos.refused, torn, left);
    System.exit(chaos.refused + torn + left == 0 ? 0 : 1);
  }

  /** One life of a postmaster, as far as it gets. */
  private final class Life {
    final Process process;
    final BlockingQueue<String> said = new LinkedBlockingQueue<>();
    final List<Long> children = new ArrayList<>();
    final String policy = POLICIES.get(random.nextInt(POLICIES.size()));

    Life() throws IOException {
      List<String> command = new ArrayList<>(javaCommand);
      command.addAll(List.of(dataDir.toString(), log.toString(), program, policy));
      process =
          new ProcessBuilder(command)
              .redirectError(ProcessBuilder.Redirect.appendTo(directory.resolve("err").toFile()))
              .start();
      Thread reader = new Thread(this::read);
      reader.setDaemon(true);
      reader.start();
    }

    private void read() {
      try (BufferedReader lines = process.inputReader()) {
        lines.lines().forEach(said::add);
      } catch (IOException | java.io.UncheckedIOException e) {
        // It was killed.
      } finally {
        said.add(END);
      }
    }

    /** Waits until it says that; false if it cannot start. */
    boolean await(String word) throws InterruptedException {
      while (true) {
        String line = said.poll(PATIENCE_S, TimeUnit.SECONDS);
        if (line == null || line == END || line.startsWith("error")) {
          System.out.println("no \"" + word + "\": " + (line == null ? "stuck" : line));
          refused++;
          return false;
        }
        if (line.startsWith("started ")) {
          children.add(Long.parseLong(line.substring("started ".length())));
        }
        if (line.startsWith(word)) {
          return true;
        }
      }
    }

    void kill() throws InterruptedException {
      process.destroyForcibly().waitFor();
      kills++;
    }
  }

  private void round() throws IOException, InterruptedException {
    Moment moment = Moment.values()[random.nextInt(Moment.values().length)];
    long begin = System.nanoTime();
    Life life = new Life();
    if (moment == Moment.START) {
      pause(startMillis + 20);
    } else if (life.await("init")) {
      startMillis =
          (startMillis * 3 + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin)) / 4;
      if (moment == Moment.INIT) {
        pause(20);
      } else if (life.await("started") && life.await("started") && life.await("started")) {
        disturb(life, moment);
      }
    }
    life.kill();
    if (random.nextInt(3) == 0) {
      // Everybody at once; otherwise they have to leave by themselves.
      for (long child : life.children) {
        signal("KILL", child);
        kills++;
      }
    }
  }

  private void disturb(Life life, Moment moment) throws IOException, InterruptedException {
    switch (moment) {
      case LOOP -> pause(50);
      case CRASH -> {
        pause(50);
        for (int i = random.nextInt(3); i >= 0; i--) {
          // Inside the lock, or anywhere.
          signal(random.nextBoolean() ? "USR1" : "KILL", life.children.get(i));
          kills++;
          pause(10);
        }
        pause(100);
      }
      default -> {
        pause(30);
        signal(List.of("INT", "TERM", "USR1").get(random.nextInt(3)), life.process.pid());
        pause(60);
      }
    }
  }

  private void pause(long most) throws InterruptedException {
    long nanos = (long) (random.nextDouble() * TimeUnit.MILLISECONDS.toNanos(most));
    TimeUnit.NANOSECONDS.sleep(nanos);
  }

  private static void signal(String signal, long pid) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(pid))
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }

  private void lastStop() throws IOException, InterruptedException {
    Life life = new Life();
    if (life.await("started") && life.await("started") && life.await("started")) {
      signal("INT", life.process.pid());
      if (!life.process.waitFor(PATIENCE_S, TimeUnit.SECONDS) || life.process.exitValue() != 0) {
        System.out.println("the last stop did not succeed");
        refused++;
      }
    }
    life.process.destroyForcibly().waitFor();
  }

  private Stream<String> lines() throws IOException {
    return Files.readAllLines(log).stream();
  }

  /** How many processes and files are left. */
  private int left() throws IOException {
    List<String> left = new ArrayList<>();
    try (Stream<Path> files = Files.list(dataDir)) {
      files
          .map(Path::toString)
          .filter(file -> !file.endsWith("/lwshm.members")) // which is never removed
          .forEach(left::add);
    }
    lines()
        .map(line -> Long.parseLong(line.split(" ")[0]))
        .distinct()
        .filter(pid -> isWorker(pid))
        .forEach(pid -> left.add("process " + pid));
    left.forEach(what -> System.out.println("left: " + what));
    return left.size();
  }

  private boolean isWorker(long pid) {
    return ProcessHandle.of(pid)
        .filter(ProcessHandle::isAlive)
        .flatMap(process -> process.info().command())
        .map(command -> command.equals(program))
        .orElse(false);
  }
}
