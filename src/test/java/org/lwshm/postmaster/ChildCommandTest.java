// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import org.junit.jupiter.api.Test;

/** What a postmaster starts children by. */
class ChildCommandTest {

  private static final ChildCommand COMMAND = ChildCommand.program("worker", "true");
  private static final Duration YEAR = Duration.ofDays(365);

  @Test
  void delaysGrowUpToTheLongest() {
    ChildCommand command =
        COMMAND.withBackOff(Duration.ofMillis(10), Duration.ofMillis(25), Duration.ZERO);
    long[] delays = {0, 0, 10, 20, 25, 25};
    for (int failures = 0; failures < delays.length; failures++) {
      assertEquals(delays[failures], command.delay(failures).toMillis());
    }
    assertEquals(Duration.ZERO, COMMAND.withBackOff(Duration.ZERO, YEAR, YEAR).delay(9999));
    assertEquals(YEAR, COMMAND.withBackOff(YEAR, YEAR, YEAR).delay(Integer.MAX_VALUE));
  }

  @Test
  void timesThatCannotBeCountedAreRefused() {
    Duration forever = ChronoUnit.FOREVER.getDuration();
    Duration second = Duration.ofSeconds(1);
    for (Duration[] times :
        new Duration[][] {
          {second, forever, second},
          {second, second, forever},
          {second.negated(), second, second},
          {second, second, second.negated()},
          {second, Duration.ZERO, second}
        }) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> COMMAND.withBackOff(times[0], times[1], times[2]));
      assertTrue(e.getMessage().contains("0 to 365 days"), e.getMessage());
    }
  }
}
