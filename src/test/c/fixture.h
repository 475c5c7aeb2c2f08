/*
 * fixture.h - what tests of the library begin with: a small segment, a look at its
 * bytes, processes that move in step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lwshm/lwshm.h"
#include "testing.h"

/* ---- calls of the library: what they should say ---- */

/* Checks that a call succeeded, and is what it returned. */
#define CHECK_OK(call) fixture_check_ok(__FILE__, __LINE__, #call, call)
int fixture_check_ok(const char *file, int line, const char *what, int status);

/* Checks that a call failed in that way, and that the error says so too. */
#define CHECK_FAILS(expected, call) fixture_check_fails(__FILE__, __LINE__, #call, expected, call)
const struct lwshm_error *fixture_check_fails(const char *file, int line, const char *what,
                                              int expected, int status);

/* ---- a segment in the test's directory ---- */

/* Small, and in test_dir(). */
struct lwshm_segment_options small_options(void);

/* Made and published; NULL stands for small_options(). */
lwshm_segment *create_segment(const struct lwshm_segment_options *options);
lwshm_segment *attach_segment(void);

/* The end of the last member, with which the segment goes. */
void end_segment(lwshm_segment *segment);
/* The end of any member. */
void close_segment(lwshm_segment *segment);

struct lwshm_segment_info info_of(const lwshm_segment *segment);

/* A tranche of that many locks, and one of its locks. */
struct lwshm_tranche make_tranche(lwshm_segment *segment, const char *name, uint32_t locks);

lwshm_backend *join(lwshm_segment *segment);
struct lwshm_backend_info backend_info_of(const lwshm_backend *backend);

/* True if some backend is seen to wait for that lock in that mode. */
bool somebody_waits(const lwshm_segment *segment, uint64_t lock, enum lwshm_lwlock_mode mode);

/* ---- behind the library's back ---- */

/* The SysV key that the directory's segment gets if nobody has it. */
key_t key_of(const char *path);

/* The segment's bytes, attached without the library, until detach_bytes(). */
char *attach_bytes(int shmid);
void detach_bytes(void *bytes);

/* A field of the layout, by its name ("segment_header.state"); the test fails if there is none. */
struct lwshm_layout_field layout_field(const char *name);
/* A constant of the layout. */
uint64_t layout_constant(const char *name);
/* Where that field stands, in a struct that begins at `bytes`. */
void *field_at(void *bytes, const char *name);

/* SysV segments that a process, which may be gone, has made. */
int segments_made_by(pid_t pid);
bool segment_exists(int shmid);

/* ---- processes ---- */

/* Zeros shared with all children forked from now on. */
void *shared_zeros(size_t bytes);

/* All `count` processes that share the counter go on together. */
void meet(uint32_t *counter, uint32_t count);

/* True once the process sleeps (in a call of the kernel, as a rule a futex). */
bool sleeps(pid_t pid);

/* A process that sleeps on that futex, as a waiter of a lock does, until it is woken once. */
pid_t sleeper_on(uint32_t *futex);

/* True if this process may do what only root may, in the test's own user namespace. */
bool is_root(void);

/* True under an emulator of user programs, which has no ptrace. */
bool is_emulated(void);

#endif
