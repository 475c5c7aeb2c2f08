/*
 * stepping.h - a process that is killed after any number of its instructions.
 *
 *     static void victim(void *arg)
 *     {
 *         ... attach, join: at full speed
 *         stepping_begin();
 *         ... what it shall die in
 *         stepping_end();
 *     }
 *
 *     for (long steps = 0; step_and_kill(victim, NULL, steps); steps++)
 *         ... what it left is put right
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STEPPING_H
#define STEPPING_H

#include <stdbool.h>

/* False under an emulator, which has no ptrace, and under a sanitizer, which makes several
   instructions of one and so the tests too long. */
bool can_step(void);
#define CANNOT_STEP "instructions are not stepped through under an emulator or a sanitizer"

/* Forks run(arg), and SIGKILLs it `steps` instructions behind stepping_begin().  False if it
   came to stepping_end() before that: then it was killed there. */
bool step_and_kill(void (*run)(void *arg), void *arg, long steps);

/* How many instructions lie between stepping_begin() and stepping_end().  Kills the child. */
long count_steps(void (*run)(void *arg), void *arg);

/* How many calls of the kernel are made between them, and a few for the end.  Kills the child. */
long count_calls(void (*run)(void *arg), void *arg);

/* In the child. */
void stepping_begin(void);
void stepping_end(void);

#endif
