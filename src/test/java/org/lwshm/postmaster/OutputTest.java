// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What children write, and who takes it. */
class OutputTest {

  private PostmasterFixture fixture;

  @BeforeEach
  void make() {
    fixture = new PostmasterFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  private List<String> outputOf(String script) throws InterruptedException {
    Postmaster postmaster =
        fixture.start(fixture.builder().child(ChildCommand.program("t", "sh", "-c", script)));
    postmaster.await();
    return fixture.output;
  }

  @Test
  void bothStreamsArePassedOnAndAnUnfinishedLineToo() throws Exception {
    assertEquals(
        List.of("t: to out", "t: to err", "t: ", "t: no end"),
        outputOf("echo to out; echo to err >&2; echo; printf 'no end'"));
  }

  @Test
  void aVeryLongLineComesInPiecesCutBetweenCharacters() throws Exception {
    // 8191 bytes, then characters of two bytes.
    List<String> lines =
        outputOf(
            "head -c 8191 /dev/zero | tr '\\0' a; for i in 1 2 3; do printf '\\303\\274'; done; echo");
    assertEquals(List.of("t: " + "a".repeat(8191) + "\u00fc", "t: \u00fc\u00fc"), lines);
  }

  @Test
  void whatIsNoTextIsReplaced() throws Exception {
    assertEquals(List.of("t: a\ufffdb"), outputOf("printf 'a\\377b\\n'"));
  }

  @Test
  void aSinkThatThrowsDoesNoHarm() throws Exception {
    int[] lines = new int[1];
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .child(ChildCommand.program("t", "sh", "-c", "echo 1; echo 2; echo 3"))
                .output(
                    (child, line) -> {
                      lines[0]++;
                      throw new IllegalStateException("a full disk");
                    }));
    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    assertEquals(3, lines[0]);
  }

  @Test
  void theEnvironmentIsPassedOnAndOverruled() throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .child(
                    ChildCommand.program(
                            "t", "sh", "-c", "echo $PATH; echo $HOME $LWSHM_CHILD_NUMBER")
                        .withEnvironment("HOME", "/h\u00fct")));
    postmaster.await();
    assertEquals(List.of("t: " + System.getenv("PATH"), "t: /h\u00fct 0"), fixture.output);
    assertTrue(fixture.ended.get(0).end().isSuccess());
  }
}
