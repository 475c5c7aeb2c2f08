// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lwshm.StopMode;

/** Whatever its children do, a postmaster ends. */
class BadMannersTest {

  private PostmasterFixture fixture;

  @BeforeEach
  void make() {
    fixture = new PostmasterFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @ParameterizedTest
  @CsvSource({
    "hangs-in-exit, FAST, true",
    "ignores-sigterm, FAST, true",
    "closes-streams, FAST, false",
    "detaches, FAST, false",
    "floods, FAST, false",
    "hangs-in-exit, IMMEDIATE, true",
    "closes-streams, SMART, false",
    "detaches, SMART, false",
    "floods, SMART, false"
  })
  void aPostmasterEndsAlthoughAChild(String behaviour, StopMode mode, boolean killed)
      throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .stopTimeout(Duration.ofMillis(killed ? 300 : 20_000))
                .child(fixture.worker(behaviour).withCount(2))
                .child(fixture.worker("works")));
    List<ChildInfo> children = fixture.awaitJoined(postmaster, 3);
    fixture.awaitCounting(postmaster);

    postmaster.stop(mode);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    for (ChildInfo child : children) {
      assertTrue(
          fixture.ended.stream().anyMatch(e -> e.child().equals(child)),
          () -> "not ended: " + child);
    }
    assertEquals(
        killed ? 9 : 0,
        fixture.ended.stream()
            .filter(e -> e.child().equals(children.get(0)))
            .findFirst()
            .orElseThrow()
            .end()
            .signal());
    assertEquals(List.of(), fixture.files());
  }
}
