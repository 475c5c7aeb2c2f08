// SPDX-License-Identifier: Apache-2.0

/**
 * PostgreSQL-style shared memory for the JVMs and C processes of one Linux host: a segment with
 * named structures in it, lightweight locks that live in that segment, exact size accounting and
 * ordered exit callbacks.
 */
module org.lwshm {
  requires org.slf4j;
  requires jdk.unsupported;

  exports org.lwshm;
  exports org.lwshm.postmaster;
  exports org.lwshm.sync;
}
