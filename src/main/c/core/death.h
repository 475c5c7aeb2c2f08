/*
 * death.h - proving that a process of a segment is dead.
 *
 * A process is a member of a directory's segment as long as the kernel's lock on the byte of its
 * entry lasts, whatever namespace it is in; so the proof is to get that lock.  A killed process
 * keeps it until its memory is freed, and one that dumps core until the dump is written: where its
 * threads can be seen, that none of them runs is a proof, too.
 *
 * A private segment has no file to lock: there the proof is /proc's, in one PID namespace.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_DEATH_H
#define LWSHM_CORE_DEATH_H

#include "core/handle.h"

/*
 * Proves that whoever is in process entry `i` as `identity` is dead.  If so, `proof` is to be ended
 * when it has been recovered: until then nobody else enters there.  `thorough` looks for processes
 * that live on without a private segment, too (an exec), which takes longer.
 */
bool death_prove(const lwshm_segment *segment, uint32_t i, uint64_t identity, bool thorough,
                 os_file_hold **proof);
/* True if entry `i`, whose byte is locked, will change soon: its identity is 0, because a process is
   entering or leaving it, or /proc says that its process has been killed. */
bool death_is_near(const lwshm_segment *segment, uint32_t i);

void death_end_proof(os_file_hold *proof);

#endif
