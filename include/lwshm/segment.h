/*
 * segment.h - one SysV shared memory segment: size it, make it, attach to it, leave it.
 *
 * A segment belongs to a data directory.  The file "lwshm.members" there says which
 * segment it is, and the kernel's locks on that file say which processes are its
 * members, in whatever PID namespace.  So a directory has at most one segment that is
 * in use, whatever becomes of its key and id.  The file must not be removed while a
 * process uses the segment.  A segment without a data directory is private
 * (IPC_PRIVATE), is found by its id, and its members share a PID namespace.
 *
 * A segment lives as long as it has members: the last one out deletes it.  If all are
 * killed, it stays, an orphan: lwshm_segment_open() adopts it, lwshm_segment_create()
 * replaces it.
 *
 * The handle is this process's own.  All functions here may be called from any
 * thread; create, open, attach, detach and close of the same handle must not race.
 * After fork() the child's copy of a handle answers LWSHM_E_CLOSED: the child
 * attaches for itself.  A process that execs another program has left.
 *
 * Source: PostgreSQL, src/backend/port/sysv_shmem.c (PGSharedMemoryCreate,
 * PGSharedMemoryAttach) and src/backend/storage/ipc/ipci.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_SEGMENT_H
#define LWSHM_SEGMENT_H

#include <stdint.h>

#include "lwshm/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lwshm_segment lwshm_segment;

enum lwshm_huge_pages {
    LWSHM_HUGE_PAGES_OFF = 0,
    LWSHM_HUGE_PAGES_ON = 1, /* fail if the kernel has none to give */
    LWSHM_HUGE_PAGES_TRY = 2 /* take normal pages then */
};

/* The most that the options may ask for. */
#define LWSHM_MAX_PROCESSES 4096
#define LWSHM_MAX_BACKENDS 65534
#define LWSHM_MAX_HELD_LOCKS 4096
#define LWSHM_MAX_TRANCHES 65535
#define LWSHM_MAX_LWLOCKS 16777216
#define LWSHM_MAX_STRUCTS 65536

/* What a segment is made from.  Start from lwshm_segment_options_init(). */
struct lwshm_segment_options {
    const char *data_dir;    /* the data directory, or NULL for a private segment */
    uint64_t area_bytes;     /* room for areas, in bytes: the sum of lwshm_shmem_allocated_size() */
    uint32_t max_processes;  /* processes attached at once, 1..LWSHM_MAX_PROCESSES */
    uint32_t max_backends;   /* locking threads at once, 1..LWSHM_MAX_BACKENDS */
    uint32_t max_held_locks; /* locks one backend holds at once, 1..LWSHM_MAX_HELD_LOCKS; made a
                                power of two */
    uint32_t max_tranches;   /* 1..LWSHM_MAX_TRANCHES */
    uint32_t max_lwlocks;    /* locks in all tranches together, 1..LWSHM_MAX_LWLOCKS */
    uint32_t max_structs;    /* named areas, 1..LWSHM_MAX_STRUCTS */
    uint32_t mode;           /* permission bits of the segment, 0600 or some of 0660 */
    uint32_t huge_pages;     /* enum lwshm_huge_pages */
    uint32_t max_children;   /* of the backends: the first so many slots are for a postmaster's
                                children alone, see postmaster.h; 0..max_backends - 1 */
    uint32_t patience_ms; /* how long lwshm_segment_open() waits for a process that is creating or
                                adopting the segment and has not published it */
    const char *description; /* what the segment is made for, for lwshm_segment_open(): see there;
                                NULL: nothing more than these numbers */
    uint32_t alone;          /* 1: lwshm_segment_open() does not attach to a segment that has live
                                members, and says LWSHM_E_IN_USE instead, as create does */
    uint32_t after;          /* the new one's generation is greater than this, besides than what
                                is found; 0 .. 2^32 - 2 */
};

/* Fills in the defaults: private, no areas, 64 processes, 128 backends, 256 held
   locks, 64 tranches, 1024 locks, 64 structs, mode 0600, no huge pages, no children,
   after none, 10 seconds of patience, no description, not alone. */
void lwshm_segment_options_init(struct lwshm_segment_options *options);

/* The fixed regions of a segment, in the order of their offsets. */
enum lwshm_region {
    LWSHM_REGION_HEADER,
    LWSHM_REGION_PROCESSES,
    LWSHM_REGION_BACKENDS,
    LWSHM_REGION_TRANCHES,
    LWSHM_REGION_LWLOCKS,
    LWSHM_REGION_SHMEM_INDEX,
    LWSHM_REGION_AREAS,
    LWSHM_REGION_COUNT
};

/* The size of a segment, known before it is made.  Bytes and byte offsets. */
struct lwshm_segment_size {
    uint64_t offset[LWSHM_REGION_COUNT];
    uint64_t size[LWSHM_REGION_COUNT]; /* each a multiple of 64; the areas take the rest */
    uint64_t total;                    /* a multiple of the page size */
};

/*
 * Computes the size that `options` lead to, overflow-checked, with normal pages.
 * Makes nothing.  LWSHM_E_INVALID if an option is out of its range or the sum
 * does not fit.  (PostgreSQL: CalculateShmemSize.)
 */
int lwshm_segment_plan(const struct lwshm_segment_options *options,
                       struct lwshm_segment_size *size);

/*
 * Makes a segment, attaches it, and enters this process in it.  Its areas are
 * zero and its state is "creating": until lwshm_segment_publish() every attacher
 * gets LWSHM_E_NOT_READY.
 *
 *   the directory's segment has live members   LWSHM_E_IN_USE, values: their pids, whether
 *                                              the segment is still there or was removed
 *   its members were killed just now           waits for the kernel to end them, at most
 *                                              10 seconds
 *   it has no members                          is removed; the new one's generation is greater
 *   another program's segment is on our key    the next key is taken, it is left alone
 *
 * Errors: LWSHM_E_INVALID, LWSHM_E_DATA_DIR, LWSHM_E_IN_USE (also if another process has been
 * creating or leaving for 10 seconds), LWSHM_E_NAMESPACE (its members are in another IPC
 * namespace), LWSHM_E_SYSTEM (with the kernel setting to look at and its present value).
 */
int lwshm_segment_create(const struct lwshm_segment_options *options, lwshm_segment **segment);

/* Lets attachers in.  Once, by the creator or adopter, when every area is initialised. */
int lwshm_segment_publish(lwshm_segment *segment);

/* What lwshm_segment_open() has done. */
enum lwshm_opened {
    LWSHM_OPENED_ATTACHED = 0,
    LWSHM_OPENED_CREATED = 1, /* to be initialised and published */
    LWSHM_OPENED_ADOPTED = 2  /* to be checked and published */
};

/*
 * Attaches to the directory's segment, adopts it, or makes it: an enum lwshm_opened.
 *
 *   it has live members       attached, if it is what the options describe, else LWSHM_E_IN_USE
 *                             (always with options->alone);
 *                             waits until it is published, at most options->patience_ms
 *   it has none, and it was   adopted, if it is what the options describe: what the dead held is
 *   published                 released or poisoned, the data are kept; until
 *                             lwshm_segment_publish() attachers get LWSHM_E_NOT_READY
 *   anything else             made as by lwshm_segment_create()
 *
 * An adopter that is killed before it publishes, or detaches, leaves an orphan again.
 *
 * A segment is what the options describe if its ABI version, limits, mode, room for areas and
 * description are theirs.  options->description is any text: names, sizes, a version of the data's
 * format.  Lines "struct SIZE NAME" and "tranche LOCKS NAME" in it make better messages.
 *
 * If an orphan is replaced, `replaced` (of `capacity` bytes, may be NULL) says what differs, in one
 * line for the log; else it is empty.
 *
 * Errors: those of create and attach; LWSHM_E_INVALID for a private segment.
 */
int lwshm_segment_open(const struct lwshm_segment_options *options, lwshm_segment **segment,
                       char *replaced, uint32_t capacity);

/*
 * Attaches to the segment of a data directory and enters this process in it.  A segment that was
 * removed (ipcrm) is attached, too, as long as the kernel has it.
 * Every field and offset of the header, the index and the tranches is checked
 * before one is used.  `mode` is the widest mode accepted (0 means 0600): a
 * segment that more people may write to is foreign.  The members file must be writable.
 *
 * Errors: LWSHM_E_DATA_DIR, LWSHM_E_NOT_FOUND (there is none, or all its members were killed),
 * LWSHM_E_NOT_READY, LWSHM_E_FOREIGN, LWSHM_E_CORRUPT, LWSHM_E_ABI_VERSION, LWSHM_E_NAMESPACE,
 * LWSHM_E_IN_USE (another process has been creating or leaving for 10 seconds),
 * LWSHM_E_LIMIT (no process entry is left), LWSHM_E_SYSTEM.
 */
int lwshm_segment_attach(const char *data_dir, uint32_t mode, lwshm_segment **segment);

/* The same for the segment with a SysV id, which is how a private one is found;
   also LWSHM_E_FOREIGN, if that id's segment is none of lwshm's. */
int lwshm_segment_attach_id(int shmid, uint32_t mode, lwshm_segment **segment);

/*
 * Begins the way out: nobody of this handle acquires a lock or a semaphore any more, and who
 * sleeps for one gives up within 100 ms, with LWSHM_E_CLOSED.  Releasing works on, so holders
 * can finish before LWSHM_DETACH_FENCE takes the segment from them.  A detach that fails
 * takes it back.
 */
int lwshm_segment_refuse_acquires(lwshm_segment *segment);

/* What becomes of the address range of a detached segment. */
enum lwshm_detach {
    /* It is unmapped, as shmdt(2) does. */
    LWSHM_DETACH_UNMAP = 0,
    /* Private zeros take its place at once, so a stale pointer reads zeros instead
       of faulting.  The address range is not used again. */
    LWSHM_DETACH_KEEP_ADDRESS = 1,
    /* The same, and backends that are still joined do not hinder it: once the zeros
       are in place none of this process's threads can reach the segment any more,
       and what those backends held is released.  For the way out of a process. */
    LWSHM_DETACH_FENCE = 2
};

/*
 * Leaves the segment: gives this process's entry back and takes the memory away.  The last member
 * out then deletes the segment, whoever made it; unless another process has been creating or
 * leaving for 2 seconds, or this one was adopting and has not published: then it stays, an orphan.
 * LWSHM_E_BUSY, with their slots, while backends of this process are joined (not
 * with LWSHM_DETACH_FENCE).  Detaching twice is harmless.
 */
int lwshm_segment_detach(lwshm_segment *segment, enum lwshm_detach how);

/* Detaches if that has not been done (LWSHM_DETACH_UNMAP), and frees the handle.
   On an error the handle stays. */
int lwshm_segment_close(lwshm_segment *segment);

/* What a segment is, as seen from here. */
struct lwshm_segment_info {
    uint64_t base;       /* this process's address of offset 0; 0 once detached */
    uint64_t size;       /* bytes */
    int64_t created_at;  /* microseconds since 1970 */
    uint32_t generation; /* 1, and one more each time a dead segment is replaced; or `after` + 1 */
    int32_t shmid;
    int32_t key; /* 0 for a private segment */
    int32_t creator_pid;
    uint32_t is_creator; /* 1 if this handle made the segment */
    uint32_t is_adopter; /* 1 if this handle adopted the segment */
    uint32_t is_ready;   /* 1 once published */
    uint32_t is_removed; /* 1 if somebody has removed it (ipcrm): its members can use it still */
    uint32_t huge_pages; /* 1 if it lies on huge pages */
    uint32_t process;    /* this process's entry */
};

/* Fills in `info`.  Works on a detached handle too. */
int lwshm_segment_info(const lwshm_segment *segment, struct lwshm_segment_info *info);

/* The pids of the processes with an entry in the segment, dead ones included, into
   pids[0..capacity).  Returns how many there are, which may exceed `capacity`. */
int lwshm_segment_processes(const lwshm_segment *segment, int32_t *pids, uint32_t capacity);

/*
 * Cleans up after every process of the segment that is proven dead: what its backends held
 * is released (locks held exclusively become poisoned), their slots and its entry are freed.
 * Waiters do the same for whoever keeps them waiting; this is for everything else at once.
 * Returns how many backends were recovered.
 */
int lwshm_segment_reap_dead(lwshm_segment *segment);

#ifdef __cplusplus
}
#endif

#endif
