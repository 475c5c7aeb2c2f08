// SPDX-License-Identifier: Apache-2.0

package org.lwshm.internal;

import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;

/**
 * Loads classes before they are needed: an upgrade may overwrite their jar while the process runs,
 * and then what was not loaded cannot be loaded any more.
 */
public final class Preloading {

  private static final Log LOG = Log.of(Preloading.class);
  private static final String SUFFIX = ".class";

  private Preloading() {}

  /**
   * Loads all classes of a package and of those below it that are in the same jar or directory.
   * Initialises none. What cannot be loaded is passed over.
   *
   * @param member of the package
   */
  public static void loadPackage(Class<?> member) {
    String folder = member.getPackageName().replace('.', '/') + '/';
    String file = member.getName().replace('.', '/') + SUFFIX;
    URL url = member.getResource('/' + file);
    try {
      List<String> files = list(url, file, folder);
      for (String each : files) {
        load(each.substring(0, each.length() - SUFFIX.length()).replace('/', '.'), member);
      }
      LOG.debug("loaded {} classes of {}", files.size(), url);
    } catch (IOException | RuntimeException e) {
      LOG.debug("the classes of {} cannot be listed, so they are loaded when needed", url, e);
    }
  }

  private static List<String> list(URL url, String file, String folder) throws IOException {
    if (url != null && url.getProtocol().equals("file")) {
      String path = URI.create(url.toString()).getPath();
      Path root = Path.of(path.substring(0, path.length() - file.length()));
      try (Stream<Path> files = Files.walk(root.resolve(folder))) {
        return classesOf(folder, files.map(each -> root.relativize(each).toString()));
      }
    }
    if (url != null && url.openConnection() instanceof JarURLConnection connection) {
      connection.setUseCaches(false);
      try (JarFile jar = connection.getJarFile()) {
        return classesOf(folder, jar.stream().map(ZipEntry::getName));
      }
    }
    return List.of(); // in the JDK's image, which nobody overwrites
  }

  private static List<String> classesOf(String folder, Stream<String> names) {
    return names.filter(name -> name.startsWith(folder) && name.endsWith(SUFFIX)).toList();
  }

  private static void load(String name, Class<?> member) {
    try {
      Class.forName(name, false, member.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      LOG.debug("class {} cannot be loaded before it is needed", name, e);
    }
  }
}
