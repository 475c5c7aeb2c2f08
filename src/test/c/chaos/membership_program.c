/*
 * membership_program.c - kill -9 at every instruction of attach, adopt, create, leave and delete.
 *
 * A kill after an instruction differs from a kill before it only if the instruction changed
 * something that others can see.  An ordinary instruction changes at most memory, and others see
 * only the segment's; what the kernel keeps (files, locks, segments, mappings) is changed by system
 * calls.  So these are the places that matter: before and after each system call, and after each
 * instruction that stores to the segment.  Victims in C are single-stepped from beginning to end to
 * find them, by comparing the segment's bytes after each step, and at each place new victims are
 * killed.  That covers every instruction.  Calls that only look for keys and locks are no places.
 *
 * After each kill: there is one segment at most; the data are whole; only the living are members;
 * attach, open and create do what they have to; at the end no segment is left.  Besides,
 *   - a second victim begins with what the first one left, and is killed at the same place;
 *   - while a victim is stopped after a call, and does not hold the directory's lock, another
 *     process opens; if there was another member, that one closes and creates again.  Then the
 *     victim runs to its end: there is still one segment, and the other process is in it.
 *
 * In Java a victim is a JVM.  Between two system calls the same C code runs as above, so its thread
 * is killed before and after each system call of the same scenes.  A JVM takes a while to start:
 * MEMBERSHIP_JVM_EVERY=n takes only every n-th of these places.
 *
 * It needs an IPC namespace of its own: a creator looks at all segments on the keys that follow its
 * directory's, so segments of others that come and go would change the number of its calls.
 *
 *     membership_program DIRECTORY [SCENARIO [JAVA CLASSPATH LIBRARY]]      MEMBERSHIP_JVM_EVERY=1
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/chaos.h"
#include "member_scenes.h"
#include "raw_directory.h"
#include "tracing.h"

static const struct member_scene *scene;

/* Where a victim is killed: so many calls after its beginning, and then here. */
struct place {
    int calls;
    enum {
        AFTER_CALL,
        AFTER_STORE,
        BEFORE_CALL
    } where;
    int store; /* which, after that call */
};

static const char *name_of(const struct place *place, const char *language)
{
    static char text[160];
    snprintf(text, sizeof text, "one in %s that %s, killed %s call %d", language, scene->name,
             place->where == BEFORE_CALL ? "before" : "after",
             place->calls + (place->where == BEFORE_CALL));
    if (place->where == AFTER_STORE)
        snprintf(text + strlen(text), sizeof text - strlen(text), " and store %d", place->store);
    return text;
}

static bool report(const char *who)
{
    return complain(member_wrong.what == WRONG_LOST    ? &tally.lost
                    : member_wrong.what == WRONG_STUCK ? &tally.stuck
                                                       : &tally.false_recoveries,
                    "%s: %s", who, member_wrong.text);
}

/* Every wait in the library is bounded, by 10 seconds at most. */
#define STUCK_SECONDS 120

/* The program is waiting for a victim, or in a call of its own. */
static void be_stuck(int signal)
{
    (void)signal;
    complain(&tally.stuck, "one that %s, or another process meanwhile, does not come to its end",
             scene->name);
    _exit(chaos_end("membership"));
}

/* False if that does not work. */
static bool set_scene(const char *who)
{
    alarm(STUCK_SECONDS);
    return member_scene_set(scene) || report(who);
}

/* ---- victims in C ---- */

static struct {
    long instructions, calls, stores, intrusions;
} counted;

/* Steps it behind its n-th store to the segment; false if its next call comes before that.  That
   this process is attached meanwhile shows to nobody, since the victim makes no call. */
static bool step_behind_store(pid_t pid, int n)
{
    uint64_t size;
    const void *bytes = raw_bytes_attach(&size);
    void *before = bytes == NULL ? NULL : malloc(size);
    int stores = 0;
    long instructions = 0;
    if (bytes != NULL)
        memcpy(before, bytes, size);
    while (stores < n && tracing_step(pid)) {
        instructions++;
        if (bytes != NULL && memcmp(before, bytes, size) != 0) {
            stores++;
            memcpy(before, bytes, size);
        }
    }
    if (bytes != NULL)
        raw_bytes_detach(bytes);
    free(before);
    if (stores < n) {
        counted.instructions += instructions;
        counted.stores += stores;
    }
    return stores == n;
}

/* False if it came to its end before. */
static bool run_to(pid_t pid, const struct place *place)
{
    if (tracing_run_through_calls(pid, place->calls) < 0)
        return false;
    return place->where == AFTER_CALL ||
           (place->where == BEFORE_CALL ? tracing_run_to_call(pid) >= 0
                                        : step_behind_store(pid, place->store));
}

static pid_t start_victim(void)
{
    pid_t pid = tracing_start(member_victim);
    raw_knows(pid);
    return pid;
}

/* 1: killed there; 0: there is no such place; -1: something is wrong. */
static int kill_at(const struct place *place, enum member_next next, int times)
{
    bool was_there = true;
    if (!set_scene(name_of(place, "C")))
        return -1;
    for (int i = 0; i < times && was_there; i++) {
        pid_t pid = start_victim();
        was_there = run_to(pid, place) || i > 0;
        kill_and_reap(pid);
        tally.kills++;
    }
    return member_scene_check(next) ? was_there : report(name_of(place, "C")) - 1;
}

static int kill_in_all_ways(const struct place *place)
{
    int r = 1;
    for (int next = 0; next < NEXT_COUNT && r == 1; next++)
        r = kill_at(place, next, 1);
    return r == 1 ? kill_at(place, NEXT_OPENS, 2) : r;
}

/* Another process enters while the victim is stopped.  False if something is wrong. */
static bool intrude_at(const struct place *place)
{
    if (!set_scene(name_of(place, "C")))
        return false;
    pid_t pid = start_victim();
    run_to(pid, place);
    bool intrudes = !raw_is_locked(), is_fine = true;
    if (intrudes) {
        is_fine = member_scene_intrude();
        tracing_run_to_end(pid);
        is_fine = is_fine && member_scene_check_intruder();
    }
    kill_and_reap(pid);
    tally.kills++;
    counted.intrusions += intrudes;
    is_fine = is_fine && (intrudes ? member_scene_end_intruder() : member_scene_check(NEXT_OPENS));
    return is_fine || report(name_of(place, "C, beside another"));
}

static int kill_at_stores(int calls)
{
    struct place place = {calls, AFTER_STORE, 1};
    int r;
    while ((r = kill_in_all_ways(&place)) == 1)
        place.store++;
    return r;
}

static bool kill_all_along(void)
{
    int r = 1;
    memset(&counted, 0, sizeof counted);
    for (int calls = 0; r == 1; calls++) {
        struct place place = {calls, AFTER_CALL, 0};
        r = kill_in_all_ways(&place);
        if (r == 1 && (!intrude_at(&place) || kill_at_stores(calls) < 0))
            r = -1;
        place.where = BEFORE_CALL;
        if (r == 1 && kill_in_all_ways(&place) < 0)
            r = -1;
        counted.calls += r == 1;
    }
    printf("  %-34s C: %ld calls and %ld stores in %ld instructions, another enters at %ld\n",
           scene->name, counted.calls, counted.stores, counted.instructions, counted.intrusions);
    return r == 0;
}

/* ---- victims in Java ---- */

static const char *java, *classpath, *library;
static char warm_up[4096];

struct jvm {
    pid_t pid, tid; /* the process, and its thread that makes the calls */
    int to, from;   /* pipes */
};

static void exec_jvm(const char *directory, int in, int out)
{
    char native[4096];
    snprintf(native, sizeof native, "-Dorg.lwshm.native=%s", library);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execlp(java, java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx32m",
           "-XX:-UsePerfData", native, "--enable-native-access=ALL-UNNAMED", "-cp", classpath,
           "org.lwshm.chaos.ChaosMember", directory, warm_up, scene->action,
           scene->enters_first ? "member" : "stranger", (char *)NULL);
    perror("chaos: exec");
    _exit(127);
}

/* Returns when the JVM has come to its beginning. */
static struct jvm start_jvm(const char *directory)
{
    struct jvm jvm = {0};
    int to[2], from[2];
    char line[32] = "";
    fflush(NULL);
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0 || (jvm.pid = fork()) < 0) {
        perror("chaos: a JVM");
        exit(2);
    }
    if (jvm.pid == 0)
        exec_jvm(directory, to[0], from[1]);
    raw_knows(jvm.pid);
    close(to[0]);
    close(from[1]);
    jvm.to = to[1];
    jvm.from = from[0];
    for (size_t n = 0; n < sizeof line - 1 && read(jvm.from, line + n, 1) == 1;)
        if (line[n++] == '\n')
            break;
    jvm.tid = atoi(line);
    if (jvm.tid <= 0) {
        fprintf(stderr, "chaos: the JVM does not begin\n");
        exit(2);
    }
    tracing_seize(jvm.tid);
    if (write(jvm.to, "\n", 1) == 1)
        tracing_run_to_begin(jvm.tid);
    return jvm;
}

static void kill_jvm(const struct jvm *jvm)
{
    int status;
    kill(jvm->pid, SIGKILL);
    while (jvm->tid != jvm->pid && waitpid(jvm->tid, &status, __WALL) == jvm->tid &&
           WIFSTOPPED(status)) {
    }
    kill_and_reap(jvm->pid);
    close(jvm->to);
    close(jvm->from);
}

/* As kill_at(). */
static int kill_jvm_at(const char *directory, const struct place *place, enum member_next next)
{
    if (!set_scene(name_of(place, "Java")))
        return -1;
    struct jvm jvm = start_jvm(directory);
    bool was_there = run_to(jvm.tid, place);
    kill_jvm(&jvm);
    tally.kills++;
    return member_scene_check(next) ? was_there : report(name_of(place, "Java")) - 1;
}

static bool kill_jvms_all_along(const char *directory, int first)
{
    const char *text = getenv("MEMBERSHIP_JVM_EVERY");
    int every = text == NULL || atoi(text) < 1 ? 1 : atoi(text);
    int r = 1, kills = 0;
    for (int i = first % every; r == 1; i += every, kills++) {
        struct place place = {i / 2, i % 2 == 0 ? AFTER_CALL : BEFORE_CALL, 0};
        r = kill_jvm_at(directory, &place, kills % NEXT_COUNT);
    }
    printf("  %-34s Java: %d kills, at one in %d of the places before and after calls\n",
           scene->name, kills, every);
    return r == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr,
                "usage: membership_program DIRECTORY [SCENARIO [JAVA CLASSPATH LIBRARY]]\n");
        return 2;
    }
    const char *wanted = argc > 2 ? argv[2] : "";
    if (argc > 5) {
        java = argv[3];
        classpath = argv[4];
        library = argv[5];
        snprintf(warm_up, sizeof warm_up, "%s/warm-up", argv[1]);
        mkdir(warm_up, 0700);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGALRM, be_stuck);
    member_scenes_begin(argv[1]);
    for (int i = 0; i < member_scene_count; i++) {
        scene = &member_scenes[i];
        if (strstr(scene->name, wanted) == NULL)
            continue;
        if (!kill_all_along() || (java != NULL && !kill_jvms_all_along(argv[1], i)))
            break; /* what it left spoils the rest */
        fflush(stdout);
    }
    if (!member_scenes_end())
        report("in the end");
    return chaos_end("membership");
}
