// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.lwshm.internal.PathText;
import org.lwshm.jni.NativeLibrary;
import org.lwshm.jni.PostmasterNative;
import org.lwshm.jni.ProcessNative;
import org.lwshm.jni.Status;

/**
 * What a postmaster tells a child that it starts, in a file that the environment variable {@code
 * LWSHM_BACKEND_PARAMETERS} names.
 *
 * <p>Source: PostgreSQL's BackendParameters, src/backend/postmaster/launch_backend.c.
 *
 * @param name of the child, as the postmaster was told it
 * @param number which of the children of that name it is, from 0
 * @param slot the backend slot meant for it
 * @param dataDir the data directory of the segment
 * @param postmasterPid the postmaster's pid
 * @param generation of the segment
 * @param grace how long it may take to leave when the postmaster has died
 */
public record BackendParameters(
    String name,
    int number,
    int slot,
    Path dataDir,
    int postmasterPid,
    int generation,
    Duration grace) {

  /** The parameters, and all that the native side wants to be told again. */
  record Received(BackendParameters parameters, long[] raw) {}

  /**
   * What this process was told, if a postmaster has started it.
   *
   * @return empty if none has
   * @throws BackendParametersException if the file is of no use
   */
  public static Optional<BackendParameters> fromEnvironment() {
    try {
      return Optional.of(receive().parameters());
    } catch (NotFoundException e) {
      return Optional.empty();
    }
  }

  static Received receive() {
    NativeLibrary.load();
    long[] raw = new long[PostmasterNative.PARAMETER_COUNT];
    byte[] name = new byte[PostmasterNative.CHILD_NAME_MAX + 1];
    byte[] dataDir = new byte[PostmasterNative.DATA_DIR_MAX + 1];
    Status.check(PostmasterNative.readParameters(null, raw, name, dataDir));
    BackendParameters parameters =
        new BackendParameters(
            Names.decode(name, 0, name.length),
            (int) raw[PostmasterNative.PARAMETER_NUMBER],
            (int) raw[PostmasterNative.PARAMETER_SLOT],
            PathText.toPath(Names.decode(dataDir, 0, dataDir.length)),
            ProcessNative.pid(raw[PostmasterNative.PARAMETER_POSTMASTER]),
            (int) raw[PostmasterNative.PARAMETER_GENERATION],
            Duration.ofMillis(raw[PostmasterNative.PARAMETER_GRACE_MS]));
    return new Received(parameters, raw);
  }
}
