// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.File;
import java.lang.module.ResolvedModule;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The command line that runs a main class in a JVM like this one: of the same JDK, with the same
 * module path, modules and class path. The paths are absolute, since the JVM may start in another
 * directory.
 */
final class JavaCommand {

  private JavaCommand() {}

  /**
   * Makes it.
   *
   * @throws IllegalArgumentException if such a JVM would not find the class
   */
  static List<String> of(Class<?> mainClass, List<String> arguments) {
    requireFindable(mainClass);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    if (Runtime.version().feature() >= 22) {
      // Only silences the JDK's own notice.
      command.add("--enable-native-access=" + nameOf(JavaCommand.class.getModule()));
    }
    addPath(command, "-p", System.getProperty("jdk.module.path", ""));
    String modules = modules();
    if (!modules.isEmpty()) {
      command.addAll(List.of("--add-modules", modules));
    }
    addPath(command, "-cp", System.getProperty("java.class.path", ""));
    Module module = mainClass.getModule();
    if (module.isNamed()) {
      command.addAll(List.of("-m", module.getName() + "/" + mainClass.getName()));
    } else {
      command.add(mainClass.getName());
    }
    command.addAll(arguments);
    return command;
  }

  private static String nameOf(Module module) {
    return module.isNamed() ? module.getName() : "ALL-UNNAMED";
  }

  private static void requireFindable(Class<?> mainClass) {
    try {
      ClassLoader loader = ClassLoader.getSystemClassLoader();
      if (Class.forName(mainClass.getName(), false, loader) == mainClass) {
        return;
      }
    } catch (ClassNotFoundException e) {
      // Said below.
    }
    throw new IllegalArgumentException(
        mainClass.getName()
            + " is on neither the class path nor the module path of this JVM, so a child would not"
            + " find it; it was loaded by "
            + mainClass.getClassLoader()
            + ": start such a program with ChildCommand.program()");
  }

  /** An empty entry is the present directory. */
  private static void addPath(List<String> command, String option, String path) {
    if (!path.isEmpty()) {
      command.add(option);
      command.add(
          Arrays.stream(path.split(File.pathSeparator, -1))
              .map(entry -> Path.of(entry).toAbsolutePath().toString())
              .collect(Collectors.joining(File.pathSeparator)));
    }
  }

  /** Those that this JVM has resolved and that are not the JDK's. */
  private static String modules() {
    return ModuleLayer.boot().configuration().modules().stream()
        .filter(module -> !isOfTheJdk(module))
        .map(ResolvedModule::name)
        .sorted()
        .collect(Collectors.joining(","));
  }

  private static boolean isOfTheJdk(ResolvedModule module) {
    return module.reference().location().map(URI::getScheme).orElse("jrt").equals("jrt");
  }
}
