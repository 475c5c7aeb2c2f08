/*
 * fixture.c - see fixture.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE /* SHM_STAT */

#include "fixture.h"

#include <errno.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/futex.h"

/* ---- calls of the library ---- */

int fixture_check_ok(const char *file, int line, const char *what, int status)
{
    if (status < 0)
        testing_fail(file, line, "%s is %s: %s", what, lwshm_status_name(status),
                     lwshm_last_error()->message);
    return status;
}

const struct lwshm_error *fixture_check_fails(const char *file, int line, const char *what,
                                              int expected, int status)
{
    const struct lwshm_error *error = lwshm_last_error();
    if (status != expected)
        testing_fail(file, line, "%s is %s (%d), expected %s: %s", what, lwshm_status_name(status),
                     status, lwshm_status_name(expected), status < 0 ? error->message : "");
    if (error->status != expected)
        testing_fail(file, line, "%s is %s, but the last error says %s: %s", what,
                     lwshm_status_name(status), lwshm_status_name(error->status), error->message);
    if (error->message[0] == '\0')
        testing_fail(file, line, "%s is %s without a message", what, lwshm_status_name(status));
    return error;
}

/* ---- a segment in the test's directory ---- */

struct lwshm_segment_options small_options(void)
{
    struct lwshm_segment_options options;
    lwshm_segment_options_init(&options);
    options.data_dir = test_dir();
    options.area_bytes = 16384;
    options.max_processes = 16;
    options.max_backends = 16;
    options.max_held_locks = 16;
    options.max_tranches = 8;
    options.max_lwlocks = 64;
    options.max_structs = 16;
    return options;
}

lwshm_segment *create_segment(const struct lwshm_segment_options *options)
{
    struct lwshm_segment_options small = small_options();
    lwshm_segment *segment = NULL;
    CHECK_OK(lwshm_segment_create(options ? options : &small, &segment));
    CHECK_OK(lwshm_segment_publish(segment));
    return segment;
}

lwshm_segment *attach_segment(void)
{
    lwshm_segment *segment = NULL;
    CHECK_OK(lwshm_segment_attach(test_dir(), 0, &segment));
    return segment;
}

void end_segment(lwshm_segment *segment)
{
    int shmid = info_of(segment).shmid;
    CHECK_OK(lwshm_segment_close(segment));
    CHECK(!segment_exists(shmid));
}

void close_segment(lwshm_segment *segment)
{
    CHECK_OK(lwshm_segment_close(segment));
}

struct lwshm_segment_info info_of(const lwshm_segment *segment)
{
    struct lwshm_segment_info info;
    CHECK_OK(lwshm_segment_info(segment, &info));
    return info;
}

struct lwshm_tranche make_tranche(lwshm_segment *segment, const char *name, uint32_t locks)
{
    struct lwshm_tranche tranche;
    bool found;
    CHECK_OK(lwshm_tranche_init(segment, name, locks, &found, &tranche));
    return tranche;
}

lwshm_backend *join(lwshm_segment *segment)
{
    lwshm_backend *backend = NULL;
    CHECK_OK(lwshm_backend_join(segment, &backend));
    return backend;
}

struct lwshm_backend_info backend_info_of(const lwshm_backend *backend)
{
    struct lwshm_backend_info info;
    CHECK_OK(lwshm_backend_info(backend, &info));
    return info;
}

bool somebody_waits(const lwshm_segment *segment, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    struct lwshm_backend_info infos[64];
    int count = CHECK_OK(lwshm_backend_list(segment, infos, 64));
    for (int i = 0; i < count && i < 64; i++)
        if (infos[i].wait_lock == lock && infos[i].wait_mode == (uint32_t)mode)
            return true;
    return false;
}

/* ---- behind the library's back ---- */

key_t key_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        FAIL("stat %s: %s", path, strerror(errno));
    return (key_t)(uint32_t)st.st_ino;
}

char *attach_bytes(int shmid)
{
    char *bytes = shmat(shmid, NULL, 0);
    if (bytes == (void *)-1)
        FAIL("shmat %d: %s", shmid, strerror(errno));
    return bytes;
}

void detach_bytes(void *bytes)
{
    if (shmdt(bytes) < 0)
        FAIL("shmdt: %s", strerror(errno));
}

struct lwshm_layout_field layout_field(const char *name)
{
    struct lwshm_layout_field field;
    for (uint32_t i = 0; lwshm_layout_field(i, &field) == 1; i++)
        if (strcmp(field.name, name) == 0)
            return field;
    FAIL("the layout has no \"%s\"", name);
}

uint64_t layout_constant(const char *name)
{
    struct lwshm_layout_field field = layout_field(name);
    CHECK_EQ_UINT(0, field.size);
    return field.offset;
}

void *field_at(void *bytes, const char *name)
{
    return (char *)bytes + layout_field(name).offset;
}

int segments_made_by(pid_t pid)
{
    struct shmid_ds ds;
    struct shm_info all;
    int count = 0, last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&all);
    for (int i = 0; i <= last; i++)
        if (shmctl(i, SHM_STAT, &ds) >= 0 && ds.shm_cpid == pid &&
            (ds.shm_perm.mode & SHM_DEST) == 0)
            count++;
    return count;
}

bool segment_exists(int shmid)
{
    struct shmid_ds ds;
    return shmctl(shmid, IPC_STAT, &ds) == 0 && (ds.shm_perm.mode & SHM_DEST) == 0;
}

/* ---- processes ---- */

void *shared_zeros(size_t bytes)
{
    void *zeros = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (zeros == MAP_FAILED)
        FAIL("mmap: %s", strerror(errno));
    return zeros;
}

void meet(uint32_t *counter, uint32_t count)
{
    uint32_t round = (__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST) / count + 1) * count;
    while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < round)
        sched_yield();
}

bool sleeps(pid_t pid)
{
    char path[32], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        FAIL("%s: %s", path, strerror(errno));
    size_t length = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[length] = '\0';
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' && end[2] == 'S';
}

bool is_root(void)
{
    return geteuid() == 0;
}

bool is_emulated(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 && errno == ENOSYS);
    return test_wait_any(pid) != 0;
}

/* ---- sleepers ---- */

#define AN_HOUR_NS (3600 * INT64_C(1000000000))

struct sleeper {
    uint32_t *futex;
    uint32_t *ready;
};

static void sleep_for_an_hour(void *arg)
{
    const struct sleeper *sleeper = arg;
    uint32_t events = __atomic_load_n(sleeper->futex, __ATOMIC_SEQ_CST);
    __atomic_store_n(sleeper->ready, 1, __ATOMIC_SEQ_CST);
    int r = os_futex_wait(sleeper->futex, events, AN_HOUR_NS);
    if (r != 0 && r != -EAGAIN)
        FAIL("futex wait: %s", strerror(-r));
    _exit(0);
}

pid_t sleeper_on(uint32_t *futex)
{
    struct sleeper sleeper = {.futex = futex, .ready = shared_zeros(sizeof(uint32_t))};
    pid_t pid = test_fork(sleep_for_an_hour, &sleeper);
    AWAIT(__atomic_load_n(sleeper.ready, __ATOMIC_SEQ_CST) == 1 && sleeps(pid));
    return pid;
}
