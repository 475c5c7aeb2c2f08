// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.lwshm.SegmentBuilder;
import org.lwshm.postmaster.ChildCommand;
import org.lwshm.postmaster.ChildOutput;
import org.lwshm.postmaster.CrashPolicy;
import org.lwshm.postmaster.PostmasterBuilder;
import org.lwshm.postmaster.Restart;

/**
 * What a pool is like: what a config file says, what options say over it, and the library's
 * defaults for the rest. {@link ConfigKeys} has the keys.
 */
final class PoolConfig {

  private static final String REPAIRER = "repairer";

  /** What was read, as it was read. */
  private Map<String, String> values = Map.of();

  /** Of the key that is being set: what to say if the library does not like its value. */
  private String origin = "";

  private final List<Consumer<PostmasterBuilder>> forPostmaster = new ArrayList<>();
  private final Map<String, String> environment = new LinkedHashMap<>();
  private int backends = 1;
  private CrashPolicy policy = CrashPolicy.RECOVER;
  private Restart restart = Restart.ON_FAILURE;
  private Duration backOffFirst = Duration.ofMillis(100);
  private Duration backOffLongest = Duration.ofSeconds(30);
  private Duration backOffSteady = Duration.ofSeconds(10);
  private List<String> repairer = List.of();
  private boolean outputToLog;

  /** What the library's defaults make. */
  PoolConfig() {}

  /**
   * Reads a config file.
   *
   * @throws ConfigException if it is of no use, or something wrong stands in it
   */
  static PoolConfig read(Path file) {
    PoolConfig config = new PoolConfig();
    config.values = ConfigFile.read(file);
    config.values.forEach((key, value) -> config.set(file, key, value.strip()));
    config.requireBackOff(file);
    return config;
  }

  private void set(Path file, String key, String value) {
    ConfigKey known =
        ConfigKeys.find(key)
            .orElseThrow(() -> new ConfigException("config " + file + ": " + unknown(key)));
    origin = "config " + file + ": " + key + " is \"" + value + "\"; it takes " + known.rule();
    try {
      known.set(this, key, value);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ConfigException(origin);
    }
  }

  private static String unknown(String key) {
    List<String> near = Spelling.nearest(key, ConfigKeys.names());
    return "there is no key \""
        + key
        + "\"; "
        + (near.isEmpty()
            ? "there are " + String.join(", ", ConfigKeys.names())
            : "perhaps " + String.join(" or ", near) + " is meant");
  }

  private void requireBackOff(Path file) {
    if (backOffLongest.compareTo(backOffFirst) < 0) {
      throw new ConfigException(
          "config %s: backoff.longest is %s, backoff.first %s; it takes no less than that"
              .formatted(
                  file,
                  values.getOrDefault("backoff.longest", "30s"),
                  values.getOrDefault("backoff.first", "100ms")));
    }
  }

  /** The keys whose values another config has otherwise, or has not, or has alone. */
  List<String> differences(PoolConfig other) {
    List<String> keys = new ArrayList<>(values.keySet());
    other.values.keySet().stream().filter(key -> !keys.contains(key)).forEach(keys::add);
    keys.removeIf(key -> values.containsKey(key) && values.get(key).equals(other.values.get(key)));
    return keys;
  }

  // ---- for keys and options ----

  void backends(int count) {
    backends = count;
  }

  void policy(CrashPolicy crashPolicy) {
    policy = crashPolicy;
  }

  void restart(Restart rule) {
    restart = rule;
  }

  void backOffFirst(Duration delay) {
    backOffFirst = delay;
  }

  void backOffLongest(Duration delay) {
    backOffLongest = delay;
  }

  void backOffSteady(Duration age) {
    backOffSteady = age;
  }

  void repairer(List<String> command) {
    if (command.isEmpty()) {
      throw new IllegalArgumentException("no program");
    }
    repairer = command;
    // The library looks at it now, while it is known whose it is.
    program(REPAIRER, command);
  }

  void outputToLog(boolean toLog) {
    outputToLog = toLog;
  }

  void environment(String variable, String value) {
    environment.put(variable, value);
    program(REPAIRER, List.of("true")).withEnvironment(variable, value);
  }

  void toPostmaster(Consumer<PostmasterBuilder> setter) {
    String complaint = origin;
    forPostmaster.add(
        builder -> {
          try {
            setter.accept(builder);
          } catch (IllegalArgumentException | ArithmeticException e) {
            throw new ConfigException(complaint + " (" + e.getMessage() + ")");
          }
        });
  }

  void toSegment(Consumer<SegmentBuilder> setter) {
    toPostmaster(builder -> builder.segment(setter));
  }

  // ---- for the pool ----

  /**
   * Takes all of it into a postmaster's builder.
   *
   * @param name of the children
   * @param command their program and its arguments
   * @param console where their output goes, if not to the log
   */
  void apply(PostmasterBuilder builder, String name, List<String> command, PrintStream console) {
    forPostmaster.forEach(setter -> setter.accept(builder));
    builder
        .policy(policy)
        .output(outputToLog ? ChildOutput.toLog() : ChildOutput.to(console))
        .child(
            inEnvironment(program(name, command))
                .withCount(backends)
                .withRestart(restart)
                .withBackOff(backOffFirst, backOffLongest, backOffSteady));
    if (!repairer.isEmpty()) {
      builder.repairer(inEnvironment(program(REPAIRER, repairer)));
    }
  }

  private static ChildCommand program(String name, List<String> command) {
    return ChildCommand.program(name, command.toArray(String[]::new));
  }

  private ChildCommand inEnvironment(ChildCommand command) {
    ChildCommand with = command;
    for (Map.Entry<String, String> variable : environment.entrySet()) {
      with = with.withEnvironment(variable.getKey(), variable.getValue());
    }
    return with;
  }
}
