// SPDX-License-Identifier: Apache-2.0

/**
 * The postmaster: one process that owns a segment, starts the processes that work in it, and
 * survives their crashes.
 *
 * <p>{@link org.lwshm.postmaster.Postmaster} creates the segment, starts {@linkplain
 * org.lwshm.postmaster.ChildCommand children}, watches them and replaces them; {@link
 * org.lwshm.postmaster.RunningPostmaster} is one as another process sees it. A child finds its
 * place with {@link org.lwshm.Backend#fromPostmaster}.
 *
 * <p>Source: PostgreSQL, src/backend/postmaster/postmaster.c and src/backend/utils/init/miscinit.c.
 */
package org.lwshm.postmaster;
