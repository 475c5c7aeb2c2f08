// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.time.Duration;
import java.util.function.LongToIntFunction;
import org.lwshm.internal.SegmentAccess;

/** Opens the back door, for the packages that build on this one. */
final class SegmentInternals extends SegmentAccess {

  @Override
  public int call(Segment segment, LongToIntFunction nativeCall) {
    return segment.attachment().call(nativeCall);
  }

  @Override
  public void onChildrenEnd(Segment segment, ExitCallback callback, Duration longest) {
    segment.exitCallbacks().onChildrenEnd(callback, longest);
  }

  @Override
  public long[] initSemaphore(Segment segment, String name, int permits, SemaphoreKind kind) {
    return segment.initSemaphore(name, permits, kind);
  }

  @Override
  public long[] findSemaphore(Segment segment, String name) {
    return segment.findSemaphore(name);
  }

  @Override
  public long acquirer(Backend backend, Segment segment) {
    backend.requireAcquirer(segment);
    return backend.handle();
  }

  @Override
  public long releaser(Backend backend, Segment segment) {
    backend.requireReleaser(segment);
    return backend.handle();
  }

  @Override
  public boolean isVirtual(Backend backend) {
    return backend.isVirtual();
  }
}
