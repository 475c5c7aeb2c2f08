// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.lwshm.SegmentBuilder;

/** What a postmaster was built with. The segment's builder is for the postmaster's thread. */
record PostmasterOptions(
    Path dataDir,
    SegmentBuilder segment,
    List<ChildCommand> commands,
    ChildCommand repairer,
    CrashPolicy policy,
    boolean restartAfterCrash,
    boolean keepData,
    Duration startTimeout,
    Duration stopTimeout,
    Duration repairTimeout,
    ChildOutput output,
    Runnable onReload,
    PostmasterListener listener) {}
