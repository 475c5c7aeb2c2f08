/*
 * members.h - which segment a data directory has, and which processes are in it.
 *
 * Both stand in the directory's members file (os/members_file.h): the record names the segment, and
 * the kernel's lock on byte 1 + i says that the process in process entry i lives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_MEMBERS_H
#define LWSHM_CORE_MEMBERS_H

#include "core/handle.h"
#include "os/members_file.h"

/* The byte of process entry `i`.  Byte 0 is the directory's lock. */
static inline uint64_t member_byte(uint32_t i)
{
    return 1 + (uint64_t)i;
}

/* Names the directory's segment.  Written only with the directory's lock held exclusively. */
struct members_record {
    uint64_t magic;
    int32_t key;
    int32_t shmid; /* -1: about to be made */
    uint64_t nonce;
    uint64_t size; /* of the segment, bytes */
    struct os_file_id file;
    uint64_t ipc_namespace;
    uint8_t boot_id[16];
    uint32_t generation;
    uint32_t reserved;
    uint64_t checksum; /* of all bytes before it */
};

/* The directory's lock, held. */
struct directory_lock {
    const char *path; /* of the directory, for messages */
    struct os_file_id file;
    int fd; /* of the members file; its description holds no lock */
    os_file_hold *hold;
};

/* Fills in what names this place: file, boot, IPC namespace; and a new nonce. */
struct members_record members_record_new(const struct directory_lock *lock);

/*
 * Takes the lock of a directory, shared to enter its segment, else exclusive.  Waits at most
 * LWSHM_PATIENCE_MS.  `create`: makes the file if there is none.
 *
 * LWSHM_E_NOT_FOUND without a file, LWSHM_E_IN_USE if the time runs out, LWSHM_E_DATA_DIR,
 * LWSHM_E_SYSTEM.
 */
int directory_lock(const struct os_data_dir *dir, const char *path, bool exclusive, bool create,
                   struct directory_lock *lock);

/* The same for a member that leaves: exclusive, and false if that cannot be had soon. */
bool directory_lock_to_leave(lwshm_segment *segment, struct directory_lock *lock);

void directory_unlock(struct directory_lock *lock);

/* Reads the record.  False if there is none of this boot and this very file. */
bool members_record_read(const struct directory_lock *lock, struct members_record *record);

/* Writes it; LWSHM_E_DATA_DIR. */
int members_record_write(const struct directory_lock *lock, struct members_record *record);

/* Takes the record off. */
void members_record_erase(const struct directory_lock *lock);

/* True if any process is a member; the caller itself counts if it is one. */
bool members_any(const struct directory_lock *lock);

/* What is known of the members, from the least life to the most. */
enum members_standing {
    MEMBERS_NONE,
    MEMBERS_ENDING,   /* all were killed, and the kernel has not finished with them */
    MEMBERS_IN_DOUBT, /* some cannot be judged: in another PID namespace, or hidden */
    MEMBERS_ALIVE
};

struct members {
    enum members_standing standing;
    uint32_t count;
    int32_t pids[LWSHM_ERROR_VALUES]; /* of the first ones, as they know themselves */
};

/* Looks at the members once. */
struct members members_look(const struct directory_lock *lock);

/*
 * Takes the lock of a directory exclusively, makes its file if there is none, and looks at the
 * members.  Waits at most LWSHM_PATIENCE_MS while they are seen to be ending, or if `wait_in_doubt`
 * while none is seen to live; not with the lock, which those that leave in order need.  Errors as
 * directory_lock()'s.
 */
int directory_lock_settled(const struct os_data_dir *dir, const char *path, bool wait_in_doubt,
                           struct directory_lock *lock, struct members *members);

/* Fails with a message that begins as given, goes on with "in use by" the members, and ends with
   `way_out`; their pids are the error's values. */
int fail_members(int status, const struct members *members, const char *way_out, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* Writes who is in process entry `i`, for messages: 0 or -errno. */
int members_note(int fd, uint32_t i);

/* Appends to the error just set what to do about a file that cannot be opened, locked or written. */
int with_file_hint(int err);

/* Milliseconds that a wait for another process takes at most. */
#define LWSHM_PATIENCE_MS 10000

#endif
