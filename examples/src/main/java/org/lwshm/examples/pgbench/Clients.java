// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import org.lwshm.postmaster.ChildInfo;

/**
 * Which client is which child of the postmaster's: first come the JVMs, then the C programs.
 *
 * @param java how many are JVMs
 * @param c how many are C programs
 */
record Clients(int java, int c) {

  static final String JAVA = "java";
  static final String C = "c";

  int count() {
    return java + c;
  }

  /** What a client is called, as the postmaster calls it. */
  String name(int client) {
    return client < java ? JAVA + "-" + client : C + "-" + (client - java);
  }

  /** The number of the client that a child is; -1 if it is none. */
  int number(ChildInfo child) {
    return switch (child.name()) {
      case JAVA -> child.number();
      case C -> java + child.number();
      default -> -1;
    };
  }

  /** Who is killed next, after so many: in turn a JVM and a C program, if there are both. */
  int victim(int before) {
    if (java == 0 || c == 0) {
      return before % count();
    }
    int turn = before / 2;
    return before % 2 == 0 ? (turn + 1) % java : java + turn % c;
  }
}
