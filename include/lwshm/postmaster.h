/*
 * postmaster.h - being the child of a postmaster, and, for the postmaster, its children's slots.
 *
 * A postmaster hands every child a file of backend parameters, found through the environment
 * variable LWSHM_BACKEND_PARAMETERS.  With lwshm_backend_from_postmaster() the child is attached,
 * joined to the slot that is meant for it, and watches the postmaster.
 *
 * The dead-man switch: a child that goes without having left its slot has crashed, whatever its
 * exit code.  So leave (lwshm_backend_leave) before you exit.
 *
 * Source: PostgreSQL, src/backend/postmaster/launch_backend.c (BackendParameters, EXEC_BACKEND)
 * and src/backend/storage/ipc/pmsignal.c (PMChildFlags).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_POSTMASTER_H
#define LWSHM_POSTMASTER_H

#include <stdint.h>

#include "lwshm/backend.h"
#include "lwshm/segment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The environment variable that names the file. */
#define LWSHM_BACKEND_PARAMETERS_ENV "LWSHM_BACKEND_PARAMETERS"

/* Longest name of a child and longest path of a data directory, in bytes, without the NUL. */
#define LWSHM_CHILD_NAME_MAX 63
#define LWSHM_DATA_DIR_MAX 4095

/* What an exec'd child needs to find its place.  No pointers: offsets and numbers. */
struct lwshm_backend_parameters {
    uint64_t postmaster;    /* its identity, see process.h */
    uint64_t pid_namespace; /* that it is in, as in the segment's header */
    uint64_t segment_size;  /* bytes */
    uint64_t slot_offset;   /* of the backend slot meant for the child, from the segment's start */
    int32_t shmid;          /* the segment */
    uint32_t generation;    /* of the segment */
    uint32_t mode;          /* the segment's permission bits */
    uint32_t slot;          /* 0 .. max_children - 1 */
    uint32_t launch;        /* tells the child from those before it in its slot; never 0 */
    uint32_t number;        /* which of the children of that name it is, from 0 */
    uint32_t grace_ms;      /* how long it may take to leave when the postmaster has died */
    uint32_t reserved;
    char name[LWSHM_CHILD_NAME_MAX + 1];   /* UTF-8 */
    char data_dir[LWSHM_DATA_DIR_MAX + 1]; /* absolute */
};

/* Writes a file that must not exist yet, mode 0600, in one write, with version and checksum. */
int lwshm_backend_parameters_write(const char *path,
                                   const struct lwshm_backend_parameters *parameters);

/*
 * Reads and checks such a file; `path` NULL: the one that the environment names.
 * LWSHM_E_NOT_FOUND if the environment names none: the process was not started by a postmaster.
 * LWSHM_E_PARAMETERS, with what is wrong and the way out, if the file is missing, empty,
 * truncated, damaged, of another version or another user, or cannot be read.
 */
int lwshm_backend_parameters_read(const char *path, struct lwshm_backend_parameters *parameters);

/*
 * Attaches to the postmaster's segment, takes the slot meant for this process, and watches the
 * postmaster from a thread of its own: when that dies, this process gets SIGTERM at once, the
 * signal with which the postmaster would stop it, and SIGKILL if it is still there after
 * grace_ms.  Once a process; leave with lwshm_backend_leave() and lwshm_segment_close().
 *
 * Errors: as lwshm_backend_parameters_read and lwshm_segment_attach; LWSHM_E_PARAMETERS if the
 * postmaster has ended, or the segment or the slot is not the one meant any more;
 * LWSHM_E_INVALID if this process has done so before.
 */
int lwshm_backend_from_postmaster(lwshm_segment **segment, lwshm_backend **backend);

/* What the postmaster wants of its children. */
enum lwshm_stop_mode {
    LWSHM_STOP_NONE = 0,     /* that they go on */
    LWSHM_STOP_SMART = 1,    /* that they finish what they do and end by themselves */
    LWSHM_STOP_FAST = 2,     /* that they end now; SIGTERM says so too */
    LWSHM_STOP_IMMEDIATE = 3 /* nothing: they are about to be killed */
};

/* enum lwshm_stop_mode: one load, so ask as often as you like.  LWSHM_E_CLOSED. */
int lwshm_postmaster_stop_mode(const lwshm_segment *segment);

/* Called for each SIGHUP. */
typedef void lwshm_reload(void *argument);

/*
 * Has `reload` called, in a thread of its own, whenever this process gets SIGHUP, which the
 * postmaster passes on; NULL: never, though a call that has begun goes on.  Several signals in
 * quick succession may be one call.  Before the first call of this function,
 * lwshm_backend_from_postmaster() has SIGHUP ignored unless the program handles it itself.
 * LWSHM_E_SYSTEM.
 */
int lwshm_postmaster_on_reload(lwshm_reload *reload, void *argument);

/*
 * Acquires each lock that is poisoned, exclusively, and releases it, so that the repair callbacks
 * registered in this process run (lwshm_tranche_on_repair): what a postmaster's repairer does.
 * Returns how many were repaired; LWSHM_E_OWNER_DIED, with the first that nobody could repair,
 * when it has gone through all.  By the backend's thread, holding no lock.
 */
int lwshm_backend_repair_all(lwshm_backend *backend);

/* ---- for bindings, whose way to attach and to watch is their own ---- */

/* Takes the slot that `parameters` mean, in a segment attached already.  Otherwise like
   lwshm_backend_join().  LWSHM_E_PARAMETERS if segment, slot or launch are not the ones meant. */
int lwshm_backend_join_slot(lwshm_segment *segment,
                            const struct lwshm_backend_parameters *parameters,
                            lwshm_backend **backend);

/* ---- for the postmaster, which created the segment with max_children ---- */

/* How it stands with a child's slot. */
enum lwshm_child_state {
    LWSHM_CHILD_NONE = 0,
    LWSHM_CHILD_ASSIGNED = 1, /* meant for a child that has not joined yet */
    LWSHM_CHILD_ACTIVE = 2,   /* joined, and not left */
    LWSHM_CHILD_LEFT = 3      /* left in order, holding nothing */
};

/*
 * Means slot 0 .. max_children - 1 for the child with number `launch` (not 0), and fills in what
 * of `parameters` the segment knows: all but name, number and grace_ms, which are zero then.
 * Cleans up after the slot's last child, if that is proven dead.
 * LWSHM_E_BUSY if it is not, LWSHM_E_CORRUPT if nobody can be the one who is joined there,
 * LWSHM_E_INVALID if there is no such slot or the segment is private.
 */
int lwshm_child_slot_assign(lwshm_segment *segment, uint32_t slot, uint32_t launch,
                            struct lwshm_backend_parameters *parameters);

/* enum lwshm_child_state.  What makes no sense (another launch, say) reads as ACTIVE: it is
   believed of nobody that he left unless he said so. */
int lwshm_child_slot_state(const lwshm_segment *segment, uint32_t slot, uint32_t launch);

/* Means the slot for nobody, when its child has ended and been cleaned up after. */
int lwshm_child_slot_release(lwshm_segment *segment, uint32_t slot);

/* Says what the postmaster wants of its children. */
int lwshm_postmaster_set_stop_mode(lwshm_segment *segment, enum lwshm_stop_mode mode);

/* Whether another process could attach now: LWSHM_E_CORRUPT, with the field, if the header, the
   index or the tranches have been damaged since; as lwshm_segment_attach() checks them. */
int lwshm_segment_check(const lwshm_segment *segment);

/* The offsets of the locks that are poisoned at this moment, into locks[0..capacity); returns how
   many there are, which may exceed `capacity`.  Takes no lock.  What a dead process held is
   poisoned once somebody has cleaned up after it: lwshm_segment_reap_dead(). */
int lwshm_segment_poisoned(const lwshm_segment *segment, uint64_t *locks, uint32_t capacity);

#ifdef __cplusplus
}
#endif

#endif
