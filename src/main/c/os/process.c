/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PID_BITS 22

unsigned os_fork_count;

static uint64_t self_identity; /* of this process; forgotten by a forked child */

static pthread_mutex_t no_fork = PTHREAD_MUTEX_INITIALIZER;

static void after_fork_in_child(void)
{
    pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    no_fork = fresh;
    os_fork_count++;
    __atomic_store_n(&self_identity, 0, __ATOMIC_RELAXED);
}

static void register_fork_handler(void)
{
    pthread_atfork(os_forbid_forks, os_allow_forks, after_fork_in_child);
}

void os_forbid_forks(void)
{
    pthread_mutex_lock(&no_fork);
}

void os_allow_forks(void)
{
    pthread_mutex_unlock(&no_fork);
}

void os_watch_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_fork_handler);
}

/* Reads a small file of /proc whole; returns its length, or -errno. */
static int read_proc(const char *path, char *buffer, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, buffer, capacity - 1);
    int err = errno;
    close(fd);
    if (n < 0)
        return -err;
    buffer[n] = '\0';
    return (int)n;
}

struct process_stat {
    char state;
    bool exiting; /* PF_EXITING: it runs no instruction of its program any more */
    bool killed;  /* SIGKILL is pending: it may still run some */
    long threads;
    uint64_t start;
};

#define PF_EXITING 0x4u /* of the kernel's include/linux/sched.h */

/* The line of a status file that begins with `name`: 1, 0 if there is none, or -errno.  Other lines
   may be of any length: that of the groups has one number for each. */
static int read_status_line(const char *path, const char *name, char *line, int capacity)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -errno;
    bool begins = true, found = false;
    while (!found && fgets(line, capacity, f) != NULL) {
        found = begins && strncmp(line, name, strlen(name)) == 0;
        begins = strchr(line, '\n') != NULL;
    }
    int r = ferror(f) ? -EIO : found;
    fclose(f);
    return r;
}

/* NSpid in /proc/<pid>/status lists the process's pids from /proc's PID namespace inwards. */
static bool lists_one_pid(const char *path)
{
    char line[512];
    int r = read_status_line(path, "NSpid:\t", line, sizeof line);
    return r == 0 || /* a kernel without PID namespaces */
           (r == 1 && strchr(line, '\n') != NULL && strchr(strchr(line, '\t') + 1, '\t') == NULL);
}

/* True if /proc shows this process's own PID namespace.  In another one the pids there belong to
   other processes. */
static bool proc_is_own(void)
{
    /* The last answer, and what it depends on: which /proc it is, and which process this is. */
    static uint64_t known;
    struct stat st;
    if (stat("/proc", &st) < 0)
        return false;
    uint64_t key = (uint64_t)st.st_dev << 40 ^ (uint64_t)os_fork_count << 24 ^ (uint64_t)getpid();
    if (__atomic_load_n(&known, __ATOMIC_RELAXED) == key)
        return true;
    if (!lists_one_pid("/proc/./self/status"))
        return false;
    __atomic_store_n(&known, key, __ATOMIC_RELAXED);
    return true;
}

/* proc(5): fields 3, 9, 20, 22 and 31 of a stat file; the name in field 2 may hold anything,
   parentheses included, so counting starts after the last one. */
static int read_stat_file(const char *path, struct process_stat *stat)
{
    char text[1024];
    int n = read_proc(path, text, sizeof text);
    if (n < 0)
        return n;
    char *p = strrchr(text, ')');
    unsigned long long start;
    unsigned long flags, pending;
    if (p == NULL || sscanf(p + 1,
                            " %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                            "%ld %*d %llu %*u %*d %*u %*u %*u %*u %*u %*u %lu",
                            &stat->state, &flags, &stat->threads, &start, &pending) != 5)
        return -EIO;
    stat->exiting = (flags & PF_EXITING) != 0;
    stat->killed = (pending & 1ul << (SIGKILL - 1)) != 0;
    stat->start = start;
    return 0;
}

static int read_stat(int32_t pid, struct process_stat *stat)
{
    char path[40];
    if (!proc_is_own())
        return -ENOENT;
    /* "/./": user-mode emulators answer for /proc/<own pid> themselves, with another start time
       than everybody else is told. */
    snprintf(path, sizeof path, "/proc/./%d/stat", pid);
    return read_stat_file(path, stat);
}

uint64_t os_process_identity(int32_t pid)
{
    struct process_stat stat;
    int r = read_stat(pid, &stat);
    if (r < 0) {
        errno = -r;
        return 0;
    }
    return (uint64_t)pid | stat.start << PID_BITS;
}

uint64_t os_process_self_uncached(void)
{
    struct process_stat stat;
    /* "self", since /proc may be another PID namespace's. */
    int r = read_stat_file("/proc/./self/stat", &stat);
    if (r < 0) {
        errno = -r;
        return 0;
    }
    return (uint64_t)getpid() | stat.start << PID_BITS;
}

uint64_t os_process_self(void)
{
    uint64_t identity = __atomic_load_n(&self_identity, __ATOMIC_RELAXED);
    if (identity == 0) {
        os_watch_forks();
        identity = os_process_self_uncached();
        __atomic_store_n(&self_identity, identity, __ATOMIC_RELAXED);
    }
    return identity;
}

bool os_process_is_dead(uint64_t identity)
{
    int32_t pid = os_identity_pid(identity);
    struct process_stat stat;
    if (pid <= 0)
        return false;
    int err = read_stat(pid, &stat);
    /* A /proc that hides others' processes, shows another PID namespace's, or is not there, proves
       nothing: ask the kernel itself, which knows a hidden process (EPERM), too. */
    if (err < 0)
        return kill(pid, 0) < 0 && errno == ESRCH;
    if (stat.start != identity >> PID_BITS)
        return true;
    /* The main thread may end before the others: then it is a zombie, the process lives. */
    return (stat.state == 'Z' || stat.state == 'X') && stat.threads <= 1;
}

static bool is_dumping_core(int32_t pid)
{
    char path[40], line[64];
    snprintf(path, sizeof path, "/proc/./%d/status", pid);
    return proc_is_own() && read_status_line(path, "CoreDumping:", line, sizeof line) == 1 &&
           strcmp(line, "CoreDumping:\t1\n") == 0;
}

/* More threads than this are looked at once some of them have ended. */
#define THREADS 512

/* True if no thread of the process runs an instruction of its program any more.  While it dumps
   core, the kernel has sent each thread SIGKILL, and a thread that has taken that off runs none. */
static bool threads_run_no_more(int32_t pid, bool dumping_core)
{
    char path[300];
    struct process_stat stat;
    int32_t tids[THREADS];
    int count = 0;
    snprintf(path, sizeof path, "/proc/./%d/task", pid);
    DIR *task = opendir(path);
    struct dirent *entry;
    bool all = task != NULL;
    while (all && (entry = readdir(task)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/./%d/task/%s/stat", pid, entry->d_name);
        all = count < THREADS && read_stat_file(path, &stat) == 0 &&
              (stat.exiting || (dumping_core && !stat.killed));
        if (all)
            tids[count++] = (int32_t)strtol(entry->d_name, NULL, 10);
    }
    if (task != NULL)
        closedir(task);
    /* The kernel may skip a thread in the list if one before it ends meanwhile: so none has. */
    for (int i = 0; all && i < count; i++) {
        snprintf(path, sizeof path, "/proc/./%d/task/%d", pid, tids[i]);
        all = access(path, F_OK) == 0;
    }
    return all && count > 0;
}

bool os_process_runs_no_more(uint64_t identity)
{
    int32_t pid = os_identity_pid(identity);
    if (os_process_is_dead(identity))
        return true;
    /* The state of a core dump first: it never ends before the threads do. */
    bool dumping_core = is_dumping_core(pid);
    return proc_is_own() && threads_run_no_more(pid, dumping_core) &&
           os_process_identity(pid) == identity;
}

bool os_process_is_dying(uint64_t identity)
{
    struct process_stat stat;
    return os_process_runs_no_more(identity) ||
           (read_stat(os_identity_pid(identity), &stat) == 0 &&
            (stat.killed || stat.start != identity >> PID_BITS)) ||
           is_dumping_core(os_identity_pid(identity));
}

static uint64_t namespace_of(const char *process, const char *name)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%s/ns/%s", process, name);
    return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_ino;
}

/* The inode of a SysV mapping in /proc/<pid>/maps is its shmid, which means something in its
   own IPC namespace alone. */
int os_process_maps(int32_t pid, int shmid)
{
    char path[32], line[512], process[16];
    snprintf(process, sizeof process, "%d", pid);
    if (!proc_is_own() || namespace_of(process, "ipc") != os_namespace("ipc"))
        return -ESRCH; /* or it has ended: either way, nothing is known of its mappings */
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -errno;
    bool found = false, any = false;
    while (!found && fgets(line, sizeof line, f) != NULL) {
        unsigned long long inode; /* a SysV mapping's is its shmid */
        any = true;
        found = strstr(line, " /SYSV") != NULL &&
                sscanf(line, "%*s %*s %*s %*s %llu", &inode) == 1 &&
                inode == (unsigned long long)(unsigned)shmid;
    }
    bool whole = any && !ferror(f);
    fclose(f);
    return found ? 1 : whole ? 0 : -EIO; /* a process on its way out has no maps at all */
}

uint32_t os_processes_mapping(int shmid, int32_t *pids, uint32_t capacity)
{
    DIR *proc = opendir("/proc");
    uint32_t count = 0;
    struct dirent *entry;
    while (proc != NULL && count < capacity && (entry = readdir(proc)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        int32_t pid = (int32_t)strtol(entry->d_name, NULL, 10);
        if (os_process_maps(pid, shmid) == 1)
            pids[count++] = pid;
    }
    if (proc != NULL)
        closedir(proc);
    return count;
}

static void parse_boot_id(const char *text, uint8_t id[16])
{
    int digit = 0;
    for (const char *p = text; *p != '\0' && digit < 32; p++) {
        if (!isxdigit((unsigned char)*p))
            continue;
        int value = isdigit((unsigned char)*p) ? *p - '0' : tolower((unsigned char)*p) - 'a' + 10;
        id[digit / 2] = (uint8_t)(id[digit / 2] << 4 | value);
        digit++;
    }
}

int os_boot_id(uint8_t id[16])
{
    /* Kept, since it never changes and a process may run out of files later.  Whoever reads it
       writes the same. */
    static uint64_t known[2];
    uint64_t halves[2] = {__atomic_load_n(&known[0], __ATOMIC_RELAXED),
                          __atomic_load_n(&known[1], __ATOMIC_RELAXED)};
    memcpy(id, halves, sizeof halves);
    if (halves[0] != 0 && halves[1] != 0)
        return 0;
    char text[64];
    memset(id, 0, sizeof halves);
    int n = read_proc("/proc/sys/kernel/random/boot_id", text, sizeof text);
    if (n < 0)
        return n;
    parse_boot_id(text, id);
    memcpy(halves, id, sizeof halves);
    __atomic_store_n(&known[0], halves[0], __ATOMIC_RELAXED);
    __atomic_store_n(&known[1], halves[1], __ATOMIC_RELAXED);
    return 0;
}

uint64_t os_namespace(const char *name)
{
    return namespace_of("self", name);
}

uint64_t os_process_namespaces(void)
{
    return (os_namespace("pid") & 0xffffffff) | os_namespace("time") << 32;
}

int os_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : CPU_COUNT(&set);
}
