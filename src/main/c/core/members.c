/* SPDX-License-Identifier: Apache-2.0 */
#include "core/members.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/checksum.h"
#include "os/clock.h"
#include "os/random.h"

#define RECORD_MAGIC 0x31534d454d57534cull /* "LSWMEMS1" */
#define NOTES_OFFSET 128
#define MOST_MEMBERS 4096 /* what max_processes may be */

#define FIRST_SLEEP_NS 20000
#define LONGEST_SLEEP_NS 2000000
#define LEAVING_PATIENCE_NS (2 * 1000000000ll)
#define PATIENCE_NS (LWSHM_PATIENCE_MS * 1000000ll)
/* Looks in a row that must find a member alive: a killed process may look so for a moment. */
#define LOOKS_ALIVE 5

/* ---- the directory's lock ---- */

int with_file_hint(int err)
{
    switch (err) {
    case EMFILE:
    case ENFILE:
        return with_hint("; close some files, or raise the limit on them (ulimit -n)");
    case EACCES:
        return with_hint("; let this process read and write it (chmod, lsattr)");
    case EROFS:
        return with_hint("; mount its file system so that it can be written");
    case ENOSPC:
    case EDQUOT:
        return with_hint("; make room on its file system");
    case ENOMEM:
        return with_hint("; give this process more memory, or more mappings (vm.max_map_count)");
    case ENOLCK:
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
        return with_hint("; take a directory on a local file system, which has locks on files");
    default:
        return lwshm_last_error()->status;
    }
}

static int fail_lock(int err, const char *path)
{
    switch (err) {
    case ENOENT:
        return fail(LWSHM_E_NOT_FOUND,
                    "data directory \"%s\" has no segment; start the process that creates it",
                    path);
    case EAGAIN:
        return fail(LWSHM_E_IN_USE,
                    "another process has been creating, opening or leaving the segment of \"%s\" "
                    "for %d seconds, or it was stopped (SIGSTOP) while it did; see who has "
                    "\"%s/%s\" open (lslocks, fuser)",
                    path, LWSHM_PATIENCE_MS / 1000, path, OS_MEMBERS_FILE);
    case EISDIR:
        return fail(LWSHM_E_DATA_DIR, "\"%s/%s\" is no regular file; remove it", path,
                    OS_MEMBERS_FILE);
    case EPERM:
        return fail(LWSHM_E_DATA_DIR,
                    "file \"%s/%s\" does not belong to the owner of its directory; remove it", path,
                    OS_MEMBERS_FILE);
    case EMFILE:
    case ENFILE:
        fail_system(err, "file \"%s/%s\" cannot be opened", path, OS_MEMBERS_FILE);
        return with_file_hint(err);
    default:
        fail(LWSHM_E_DATA_DIR, "file \"%s/%s\" cannot be opened to read and write, and locked: %s",
             path, OS_MEMBERS_FILE, strerror(err));
        return with_file_hint(err);
    }
}

/* The longer of two sleeps in a row. */
static void sleep_longer(int64_t *sleep_ns)
{
    os_sleep_ns(*sleep_ns);
    if (*sleep_ns < LONGEST_SLEEP_NS)
        *sleep_ns *= 2;
}

static bool is_same_file(const struct os_file_id *a, const struct os_file_id *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

/* One attempt: 0, -EAGAIN, or -errno. */
static int try_lock(const struct os_data_dir *dir, bool exclusive, struct directory_lock *lock)
{
    struct os_file_id locked;
    int r = os_members_hold(dir, 0, exclusive, &locked, &lock->hold);
    if (r < 0)
        return r;
    lock->fd = os_members_open(dir, false, &lock->file);
    if (lock->fd >= 0 && is_same_file(&locked, &lock->file))
        return 0;
    /* The file was removed or replaced meanwhile. */
    r = lock->fd < 0 ? lock->fd : -EAGAIN;
    if (lock->fd >= 0)
        os_members_close(lock->fd);
    os_members_release(lock->hold);
    return r;
}

int directory_lock(const struct os_data_dir *dir, const char *path, bool exclusive, bool create,
                   struct directory_lock *lock)
{
    int64_t deadline = os_monotonic_ns() + PATIENCE_NS, sleep_ns = FIRST_SLEEP_NS;
    *lock = (struct directory_lock){.path = path, .fd = -1};
    for (;;) {
        int r = create ? os_members_open(dir, true, &lock->file) : 0;
        if (create && r >= 0)
            os_members_close(r);
        if (r >= 0)
            r = try_lock(dir, exclusive, lock);
        if (r == 0)
            return LWSHM_OK;
        if (!(r == -EAGAIN || (r == -ENOENT && create)) || os_monotonic_ns() >= deadline)
            return fail_lock(-r, path);
        sleep_longer(&sleep_ns);
    }
}

/* One attempt to lock the file in which the process is a member: 0 or -errno. */
static int try_lock_to_leave(const lwshm_segment *s, struct directory_lock *lock)
{
    int r = os_members_hold_again(&s->members, 0, true, &lock->hold);
    if (r < 0)
        return r;
    lock->fd = os_members_reopen(&s->members);
    if (lock->fd < 0)
        os_members_release(lock->hold);
    return lock->fd < 0 ? lock->fd : 0;
}

bool directory_lock_to_leave(lwshm_segment *s, struct directory_lock *lock)
{
    int64_t deadline = os_monotonic_ns() + LEAVING_PATIENCE_NS, sleep_ns = FIRST_SLEEP_NS;
    *lock = (struct directory_lock){.path = s->data_dir, .file = s->members.id, .fd = -1};
    for (;;) {
        int r = try_lock_to_leave(s, lock);
        if (r == 0)
            return true;
        /* A descriptor is needed at a time, and this one is to go anyway. */
        bool is_short = r == -EMFILE || r == -ENFILE;
        if (is_short)
            os_members_drop_reference(&s->members);
        if ((r != -EAGAIN && !is_short) || os_monotonic_ns() >= deadline)
            return false;
        sleep_longer(&sleep_ns);
    }
}

void directory_unlock(struct directory_lock *lock)
{
    os_members_close(lock->fd);
    os_members_release(lock->hold);
}

/* ---- the record ---- */

static uint64_t checksum(const struct members_record *record)
{
    return fnv1a(record, offsetof(struct members_record, checksum));
}

struct members_record members_record_new(const struct directory_lock *lock)
{
    struct members_record record = {.magic = RECORD_MAGIC,
                                    .shmid = -1,
                                    .nonce = os_random(),
                                    .file = lock->file,
                                    .ipc_namespace = os_namespace("ipc")};
    os_boot_id(record.boot_id);
    return record;
}

bool members_record_read(const struct directory_lock *lock, struct members_record *record)
{
    uint8_t boot_id[16];
    os_boot_id(boot_id);
    return os_members_read(lock->fd, 0, record, sizeof *record) == 0 &&
           record->magic == RECORD_MAGIC && record->checksum == checksum(record) &&
           is_same_file(&record->file, &lock->file) &&
           memcmp(record->boot_id, boot_id, sizeof boot_id) == 0;
}

int members_record_write(const struct directory_lock *lock, struct members_record *record)
{
    record->checksum = checksum(record);
    int r = os_members_write(lock->fd, 0, record, sizeof *record);
    if (r == 0)
        return LWSHM_OK;
    fail(LWSHM_E_DATA_DIR, "file \"%s/%s\" cannot be written: %s", lock->path, OS_MEMBERS_FILE,
         strerror(-r));
    return with_file_hint(-r);
}

void members_record_erase(const struct directory_lock *lock)
{
    static const struct members_record none;
    os_members_write(lock->fd, 0, &none, sizeof none);
}

/* ---- the members ---- */

struct note {
    uint64_t process; /* identity, as the process knows itself */
    uint64_t namespaces;
};

int members_note(int fd, uint32_t i)
{
    struct note note = {.process = os_process_self(), .namespaces = os_process_namespaces()};
    return os_members_write(fd, NOTES_OFFSET + i * sizeof note, &note, sizeof note);
}

bool members_any(const struct directory_lock *lock)
{
    return os_members_any_locked(lock->fd, member_byte(0)) != 0;
}

static enum members_standing standing_of(const struct note *note)
{
    if (note->namespaces != os_process_namespaces())
        return MEMBERS_IN_DOUBT;
    if (os_process_is_dying(note->process))
        return MEMBERS_ENDING;
    /* /proc may not show it. */
    return os_process_identity(os_identity_pid(note->process)) == note->process ? MEMBERS_ALIVE
                                                                                : MEMBERS_IN_DOUBT;
}

struct members members_look(const struct directory_lock *lock)
{
    struct members members = {.standing = MEMBERS_NONE};
    if (!members_any(lock))
        return members;
    const uint64_t end = member_byte(MOST_MEMBERS);
    for (uint64_t byte = os_members_first_locked(lock->fd, member_byte(0), end); byte < end;
         byte = os_members_first_locked(lock->fd, byte + 1, end)) {
        uint64_t i = byte - member_byte(0);
        struct note note = {0};
        os_members_read(lock->fd, NOTES_OFFSET + i * sizeof note, &note, sizeof note);
        enum members_standing standing = standing_of(&note);
        if (standing > members.standing)
            members.standing = standing;
        if (members.count < LWSHM_ERROR_VALUES && standing != MEMBERS_ENDING && note.process != 0)
            members.pids[members.count++] = os_identity_pid(note.process);
    }
    return members;
}

int directory_lock_settled(const struct os_data_dir *dir, const char *path, bool wait_in_doubt,
                           struct directory_lock *lock, struct members *members)
{
    int64_t deadline = os_monotonic_ns() + PATIENCE_NS;
    for (int alive = 0;;) {
        int r = directory_lock(dir, path, true, true, lock);
        if (r < 0)
            return r;
        *members = members_look(lock);
        alive = members->standing == MEMBERS_ALIVE ? alive + 1 : 0;
        if (members->standing == MEMBERS_NONE || alive == LOOKS_ALIVE ||
            (members->standing == MEMBERS_IN_DOUBT && !wait_in_doubt) ||
            os_monotonic_ns() >= deadline)
            return LWSHM_OK;
        directory_unlock(lock);
        os_sleep_ns(LONGEST_SLEEP_NS);
    }
}

int fail_members(int status, const struct members *members, const char *way_out, const char *format,
                 ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fail(status, "%s in use by ", text);
    if (members->count == 0)
        with_hint("processes that cannot be named, or that the kernel has not finished ending");
    for (uint32_t i = 0; i < members->count; i++) {
        with_hint("%s%d",
                  i > 0                 ? ", "
                  : members->count == 1 ? "process "
                                        : "processes ",
                  members->pids[i]);
        with_values(status, 1, (int64_t)members->pids[i]);
    }
    if (members->standing == MEMBERS_IN_DOUBT)
        with_hint(" (so called in another PID namespace, or hidden by /proc)");
    return with_hint("; %s", way_out);
}
