// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** What the build has left of the version. */
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() throws IOException {
    Properties build = new Properties();
    try (InputStream in = Version.class.getResourceAsStream("/lwshm-cli.properties")) {
      build.load(in);
    }
    return new String[] {Lwshm.NAME + " " + build.getProperty("version")};
  }
}
