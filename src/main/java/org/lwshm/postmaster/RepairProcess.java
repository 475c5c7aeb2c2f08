// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import org.lwshm.Backend;
import org.lwshm.LwshmException;
import org.lwshm.OwnerDiedException;
import org.lwshm.ShmemSubsystem;

/**
 * The main class of the JVM that {@link PostmasterBuilder#repairWith} has repair what the dead left
 * poisoned. Its arguments are names of subsystem classes.
 */
public final class RepairProcess {

  private RepairProcess() {}

  /**
   * Repairs and exits: 0 if nothing is poisoned any more.
   *
   * @param modules names of classes that implement {@link ShmemSubsystem}
   */
  public static void main(String[] modules) {
    // The postmaster takes what it reads for UTF-8, whatever the locale.
    System.setOut(
        new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8));
    ShmemSubsystem[] subsystems = new ShmemSubsystem[modules.length];
    try {
      for (int i = 0; i < modules.length; i++) {
        subsystems[i] = instantiate(modules[i]);
      }
      try (Backend me = Backend.fromPostmaster(subsystems)) {
        int repaired = me.segment().repairAll();
        System.out.println("repaired what " + repaired + " locks guard");
      }
    } catch (OwnerDiedException e) {
      e.printStackTrace(System.out);
      System.exit(Postmaster.EXIT_FAILED);
    } catch (ReflectiveOperationException | LwshmException e) {
      System.out.println("cannot repair: " + e);
      System.exit(Postmaster.EXIT_FAILED);
    }
    // Threads of the modules' do not keep it.
    System.exit(Postmaster.EXIT_OK);
  }

  private static ShmemSubsystem instantiate(String module) throws ReflectiveOperationException {
    return Class.forName(module).asSubclass(ShmemSubsystem.class).getConstructor().newInstance();
  }

  static void requireConstructor(Class<? extends ShmemSubsystem> module) {
    boolean usable =
        Modifier.isPublic(module.getModifiers())
            && module
                .getModule()
                .isExported(module.getPackageName(), RepairProcess.class.getModule());
    try {
      module.getConstructor();
    } catch (NoSuchMethodException e) {
      usable = false;
    }
    if (!usable) {
      throw new IllegalArgumentException(
          module.getName()
              + " is no public class, of a package that its module exports, with a public"
              + " constructor that takes nothing, so the repairer cannot make one; make it one, or"
              + " name a repairer of your own");
    }
  }
}
