// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the config again and says what has changed. Nothing of it can change while the pool
 * runs: a segment is sized once, and a postmaster is built once.
 */
final class ConfigReload implements Runnable {

  private static final Logger LOG = LoggerFactory.getLogger(ConfigReload.class);

  private final Path file;
  private final PoolConfig running;

  ConfigReload(Path file, PoolConfig running) {
    this.file = file;
    this.running = running;
  }

  @Override
  public void run() {
    try {
      List<String> changed = running.differences(PoolConfig.read(file));
      if (changed.isEmpty()) {
        LOG.info("config {} says what it said at the start", file);
      } else {
        LOG.warn(
            "config {} has changed; a restart is needed for {}", file, String.join(", ", changed));
      }
    } catch (ConfigException e) {
      LOG.error("{}; the pool goes on with what it has read at its start", e.getMessage());
    }
  }
}
