// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a children file says is believed only if the postmaster's user has written it. */
class ChildrenFileTest {

  @TempDir private Path dataDir;

  @Test
  void ofAnotherUserIsNotBelieved() throws IOException {
    LockFileContents.Owner me = LockFileContents.Owner.self();
    ChildPlace place = new ChildPlace(ChildCommand.program("p", "true"), 0, 0);
    ChildrenFile file = new ChildrenFile(dataDir, me, List.of(place));
    assertEquals(me, ChildrenFile.read(dataDir).orElseThrow().owner());
    boolean changed;
    try {
      Files.setAttribute(file.path(), "unix:uid", 65534);
      changed = true;
    } catch (IOException e) {
      changed = false;
    }
    assumeTrue(changed, "only root may give a file away");
    assertTrue(ChildrenFile.read(dataDir).isEmpty());
  }
}
