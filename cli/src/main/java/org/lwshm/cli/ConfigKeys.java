// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import static java.util.stream.Collectors.joining;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.lwshm.HugePages;
import org.lwshm.SegmentBuilder;
import org.lwshm.SemaphoreKind;
import org.lwshm.postmaster.CrashPolicy;
import org.lwshm.postmaster.PostmasterBuilder;
import org.lwshm.postmaster.Restart;

/** All keys that a config file may have. */
final class ConfigKeys {

  private static final int MAX_BACKENDS = 1024;
  private static final Map<String, Boolean> SWITCH =
      Map.of("on", true, "off", false, "true", true, "false", false, "yes", true, "no", false);

  static final List<ConfigKey> ALL =
      List.of(
          new ConfigKey(
              "backends",
              "a whole number from 1 to " + MAX_BACKENDS,
              "how many processes the pool has (1)",
              (config, name, value) -> config.backends(Quantity.count(value, 1, MAX_BACKENDS))),
          new ConfigKey(
              "policy",
              "one of " + choices(CrashPolicy.class),
              "what to do when one has crashed (recover)",
              (config, name, value) -> config.policy(choice(CrashPolicy.class, value))),
          new ConfigKey(
              "restart",
              "one of " + choices(Restart.class),
              "when one that has ended is replaced (on-failure)",
              (config, name, value) -> config.restart(choice(Restart.class, value))),
          new ConfigKey(
              "restart_after_crash",
              "on or off",
              "whether to go on when the segment had to be given up (on)",
              (config, name, value) -> {
                boolean restart = isOn(value);
                config.toPostmaster(builder -> builder.restartAfterCrash(restart));
              }),
          new ConfigKey(
              "keep_data",
              "on or off",
              "whether to take over the data of a pool that was killed as a whole (off)",
              (config, name, value) -> {
                boolean keep = isOn(value);
                config.toPostmaster(builder -> builder.keepData(keep));
              }),
          duration(
              "start_timeout",
              "how long to wait for processes of an earlier life (5s more than stop_timeout)",
              (builder, time) -> builder.startTimeout(time)),
          duration(
              "stop_timeout",
              "how long a process may take to end before it is killed (10s)",
              (builder, time) -> builder.stopTimeout(time)),
          duration(
              "repair_timeout",
              "how long a repair may take (60s)",
              (builder, time) -> builder.repairTimeout(time)),
          new ConfigKey(
              "backoff.first",
              Quantity.DURATION_RULE,
              "the first delay before a process that ended too soon is replaced (100ms)",
              (config, name, value) -> config.backOffFirst(Quantity.duration(value))),
          new ConfigKey(
              "backoff.longest",
              Quantity.DURATION_RULE,
              "the longest one, to which it doubles (30s)",
              (config, name, value) -> config.backOffLongest(Quantity.duration(value))),
          new ConfigKey(
              "backoff.steady",
              Quantity.DURATION_RULE,
              "a process that ran so long did not end too soon (10s)",
              (config, name, value) -> config.backOffSteady(Quantity.duration(value))),
          new ConfigKey(
              "repairer",
              "a program and its arguments; quotes, '…' or \"…\", hold together what has spaces",
              "who repairs what the dead left poisoned (nobody)",
              (config, name, value) -> config.repairer(CommandWords.split(value))),
          new ConfigKey(
              "output",
              "console or log",
              "where to pass on what the processes write: stdout, or the log on stderr (console)",
              (config, name, value) -> config.outputToLog(toLog(value))),
          new ConfigKey(
              "environment.",
              "any text",
              "a variable of the processes' environment",
              PoolConfig::environment),
          limit("max_processes", 4096, "attached at once (64)", SegmentBuilder::maxProcesses),
          limit("max_backends", 65534, "threads joined at once (128)", SegmentBuilder::maxBackends),
          limit("max_held_locks", 4096, "locks one may hold (256)", SegmentBuilder::maxHeldLocks),
          limit("max_tranches", 65535, "tranches (16 more)", SegmentBuilder::maxTranches),
          limit("max_lwlocks", 1 << 24, "locks (64 more)", SegmentBuilder::maxLWLocks),
          limit("max_structs", 65536, "structs (16 more)", SegmentBuilder::maxStructs),
          new ConfigKey(
              "spare_bytes",
              Quantity.BYTES_RULE,
              "room for structs that are made later (0)",
              (config, name, value) -> {
                long bytes = Quantity.bytes(value);
                config.toSegment(builder -> builder.spare(bytes));
              }),
          new ConfigKey(
              "huge_pages",
              "one of " + choices(HugePages.class),
              "whether the segment lies on huge pages (off)",
              (config, name, value) -> {
                HugePages choice = choice(HugePages.class, value);
                config.toSegment(builder -> builder.hugePages(choice));
              }),
          new ConfigKey(
              "mode",
              "0600, 0620, 0640 or 0660",
              "who may attach to the segment (0600)",
              (config, name, value) -> {
                int bits = mode(value);
                config.toSegment(builder -> builder.mode(bits));
              }),
          new ConfigKey(
              "struct.",
              Quantity.BYTES_RULE + "; 1 or more. A name has 1 to 47 bytes",
              "a named area of that size",
              (config, name, value) -> {
                long bytes = Quantity.bytes(value);
                config.toSegment(builder -> builder.struct(name, bytes));
              }),
          new ConfigKey(
              "tranche.",
              "a whole number of locks from 1 to " + (1 << 24) + ". A name has 1 to 63 bytes",
              "a named array of so many locks",
              (config, name, value) -> {
                int locks = Quantity.count(value, 1, 1 << 24);
                config.toSegment(builder -> builder.tranche(name, locks));
              }),
          new ConfigKey(
              "semaphore.",
              "a number of permits, 0 or more, and perhaps a comma and owned or plain."
                  + " A name has 1 to 47 bytes",
              "a counting semaphore, plain if not said otherwise",
              ConfigKeys::semaphore));

  private ConfigKeys() {}

  static Optional<ConfigKey> find(String key) {
    return ALL.stream().filter(known -> known.covers(key)).findFirst();
  }

  static ConfigKey get(String key) {
    return find(key).orElseThrow();
  }

  /** As users read them. */
  static List<String> names() {
    return ALL.stream().map(ConfigKey::display).toList();
  }

  // ---- kinds of keys ----

  private static ConfigKey duration(
      String name,
      String meaning,
      BiFunction<PostmasterBuilder, java.time.Duration, PostmasterBuilder> setter) {
    return new ConfigKey(
        name,
        Quantity.DURATION_RULE + ", up to 365 days",
        meaning,
        (config, none, value) -> {
          java.time.Duration time = Quantity.duration(value);
          config.toPostmaster(builder -> setter.apply(builder, time));
        });
  }

  private static ConfigKey limit(
      String name, int most, String meaning, BiFunction<SegmentBuilder, Integer, Object> setter) {
    return new ConfigKey(
        name,
        "a whole number from 1 to " + most,
        "limit: " + meaning,
        (config, none, value) -> {
          int count = Quantity.count(value, 1, most);
          config.toSegment(builder -> setter.apply(builder, count));
        });
  }

  private static void semaphore(PoolConfig config, String name, String value) {
    String[] parts = value.split(" *, *", 2);
    int permits = Quantity.count(parts[0], 0, Integer.MAX_VALUE);
    SemaphoreKind kind =
        parts.length == 1 ? SemaphoreKind.PLAIN : choice(SemaphoreKind.class, parts[1]);
    config.toSegment(builder -> builder.semaphore(name, permits, kind));
  }

  // ---- values ----

  private static <E extends Enum<E>> String spelt(E value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static <E extends Enum<E>> String choices(Class<E> type) {
    return Arrays.stream(type.getEnumConstants()).map(ConfigKeys::spelt).collect(joining(", "));
  }

  private static <E extends Enum<E>> E choice(Class<E> type, String text) {
    return Arrays.stream(type.getEnumConstants())
        .filter(value -> spelt(value).equals(text))
        .findFirst()
        .orElseThrow(IllegalArgumentException::new);
  }

  private static boolean isOn(String text) {
    return Optional.ofNullable(SWITCH.get(text)).orElseThrow(IllegalArgumentException::new);
  }

  private static boolean toLog(String text) {
    Function<String, Boolean> to = Map.of("log", true, "console", false)::get;
    return Optional.ofNullable(to.apply(text)).orElseThrow(IllegalArgumentException::new);
  }

  private static int mode(String text) {
    if (!text.matches("0?6[0246]0")) {
      throw new IllegalArgumentException();
    }
    return Integer.parseInt(text, 8);
  }
}
