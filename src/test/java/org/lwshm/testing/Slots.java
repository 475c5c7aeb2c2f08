// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.lwshm.Segment;
import org.lwshm.internal.PathText;
import org.lwshm.internal.SegmentAccess;
import org.lwshm.jni.PostmasterNative;
import org.lwshm.jni.Status;

/** What a postmaster does with its children's slots, for tests that are their own postmaster. */
public final class Slots {

  /** The launch of the child that a test starts. */
  public static final int LAUNCH = 5;

  private Slots() {}

  /** Means the slot for a child, and leaves it the parameters. */
  public static void assign(Segment segment, int slot, Path file, long graceMs) {
    long[] parameters = new long[PostmasterNative.PARAMETER_COUNT];
    SegmentAccess.get()
        .call(segment, h -> PostmasterNative.assignChild(h, slot, LAUNCH, parameters));
    parameters[PostmasterNative.PARAMETER_NUMBER] = 3;
    parameters[PostmasterNative.PARAMETER_GRACE_MS] = graceMs;
    write(file, parameters, "w\u00f6rker", PathText.of(segment.dataDir()));
  }

  public static void write(Path file, long[] parameters, String name, String dataDir) {
    Status.check(
        PostmasterNative.writeParameters(
            bytes(PathText.of(file)), parameters, bytes(name), bytes(dataDir)));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** One of {@code PostmasterNative.CHILD_}…. */
  public static int state(Segment segment, int slot) {
    return SegmentAccess.get().call(segment, h -> PostmasterNative.childState(h, slot, LAUNCH));
  }

  public static void release(Segment segment, int slot) {
    SegmentAccess.get().call(segment, h -> PostmasterNative.releaseChild(h, slot));
  }

  public static void wantStop(Segment segment, int mode) {
    SegmentAccess.get().call(segment, h -> PostmasterNative.setStopMode(h, mode));
  }
}
