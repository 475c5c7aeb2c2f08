// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.lwshm.NativeLibraryException;

/**
 * Finds and loads the native library, once.
 *
 * <p>It tries, in this order: the file named by the system property {@value #FILE_PROPERTY}, and
 * nothing else if that is set; the library that the jar carries for this architecture; {@code
 * java.library.path}. What was tried, and why it failed, is told in the exception.
 */
public final class NativeLibrary {

  /** The system property that names the library's file. */
  public static final String FILE_PROPERTY = "org.lwshm.native";

  private static final String NAME = "lwshm-jni";

  private static boolean loaded;

  private NativeLibrary() {}

  /**
   * Loads the library if that has not been done. Any thread.
   *
   * @throws NativeLibraryException if there is none that fits; the next call tries again
   */
  public static synchronized void load() {
    if (loaded) {
      return;
    }
    String os = System.getProperty("os.name", "");
    String arch = System.getProperty("os.arch", "");
    List<String> tried = new ArrayList<>();
    String file = System.getProperty(FILE_PROPERTY);
    if (file != null) {
      loaded = tryFile(Path.of(file), tried);
    } else {
      loaded =
          tryJar("META-INF/native/linux-" + arch(arch) + "/lib" + NAME + ".so", tried)
              || tryPath(tried);
    }
    if (!loaded) {
      throw new NativeLibraryException(os, arch, tried);
    }
    int abi = LayoutNative.abiVersion();
    if (abi != Layout.ABI_VERSION) {
      loaded = false;
      tried.add(
          "the library that was loaded has ABI version "
              + abi
              + ", these classes have "
              + Layout.ABI_VERSION);
      throw new NativeLibraryException(os, arch, tried);
    }
  }

  /**
   * An architecture's name in the jar, as uname(1) spells it.
   *
   * @param osArch the value of the system property {@code os.arch}
   * @return x86_64, aarch64, or {@code osArch} itself if it is another
   */
  static String arch(String osArch) {
    return switch (osArch) {
      case "amd64", "x86_64" -> "x86_64";
      case "aarch64", "arm64" -> "aarch64";
      default -> osArch;
    };
  }

  private static boolean tryFile(Path file, List<String> tried) {
    Path absolute = file.toAbsolutePath();
    if (!Files.isRegularFile(absolute)) {
      tried.add(absolute + " (system property " + FILE_PROPERTY + "): no such file");
      return false;
    }
    try {
      System.load(absolute.toString());
      return true;
    } catch (UnsatisfiedLinkError | SecurityException e) {
      tried.add(absolute + " (system property " + FILE_PROPERTY + "): " + e.getMessage());
      return false;
    }
  }

  private static boolean tryJar(String resource, List<String> tried) {
    Path copy = null;
    try (InputStream in = NativeLibrary.class.getResourceAsStream("/" + resource)) {
      if (in == null) {
        tried.add(resource + " in the jar: not there");
        return false;
      }
      copy = Files.createTempFile("lib" + NAME + "-", ".so");
      Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
      System.load(copy.toString());
      return true;
    } catch (IOException | UnsatisfiedLinkError | SecurityException e) {
      tried.add(resource + " in the jar, by way of " + copy + ": " + e);
      return false;
    } finally {
      // The mapping outlives the name, so a killed JVM leaves no file behind.
      delete(copy);
    }
  }

  private static void delete(Path copy) {
    if (copy != null) {
      try {
        Files.deleteIfExists(copy);
      } catch (IOException e) {
        copy.toFile().deleteOnExit();
      }
    }
  }

  private static boolean tryPath(List<String> tried) {
    try {
      System.loadLibrary(NAME);
      return true;
    } catch (UnsatisfiedLinkError | SecurityException e) {
      tried.add(
          System.mapLibraryName(NAME)
              + " in java.library.path="
              + System.getProperty("java.library.path")
              + ": "
              + e.getMessage());
      return false;
    }
  }
}
