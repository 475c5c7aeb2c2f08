/*
 * Child processes: how they begin, what is heard of them, how they end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include "lwshm/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "lwshm/process.h"

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every machine; C libraries before 2.34 lack it */
#endif

#define HIGHEST_FD 1000

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const no_environment[] = {NULL};

/* Each dies with the test, since its session is not the test's. */
static struct lwshm_child_options options_of(const char *const *arguments)
{
    return (struct lwshm_child_options){
        .arguments = arguments, .environment = no_environment, .parent_death_signal = SIGKILL};
}

static struct lwshm_child start(const char *const *arguments)
{
    struct lwshm_child_options options = options_of(arguments);
    struct lwshm_child child;
    CHECK_OK(lwshm_child_start(&options, &child));
    return child;
}

static struct lwshm_child start_shell(const char *script)
{
    return start(LIST("sh", "-c", script));
}

/* All that it writes, up to its end. */
static const char *output_of(const struct lwshm_child *child)
{
    static char text[65536];
    size_t length = 0;
    int n;
    while ((n = CHECK_OK(lwshm_child_read(child->output, text + length,
                                          (uint32_t)(sizeof text - 1 - length), -1))) > 0)
        length += (size_t)n;
    text[length] = '\0';
    return text;
}

static int end_of(const struct lwshm_child *child)
{
    int code = CHECK_OK(lwshm_child_await(child->pid));
    CHECK_OK(lwshm_child_reap(child->pid));
    CHECK_OK(lwshm_child_close_output(child->output));
    return code;
}

static void check_output(const char *expected, const struct lwshm_child *child)
{
    CHECK_EQ_STR(expected, output_of(child));
    CHECK_EQ_INT(0, end_of(child));
}

/* What fails must be told by the child to the parent through memory. */
#define SKIP_IF_EMULATED                                                                           \
    if (is_emulated())                                                                             \
    SKIP("the emulator makes a fork of vfork")

/* ---- how it begins ---- */

TEST(arguments_arrive_whole)
{
    struct lwshm_child child =
        start(LIST("printf", "<%s>", "one", "", "two words", "quote\"'", "\xc3\xa4\n"));
    check_output("<one><><two words><quote\"'><\xc3\xa4\n>", &child);
}

TEST(the_environment_is_the_one_given_and_nothing_else)
{
    struct lwshm_child_options options = options_of(LIST("env"));
    struct lwshm_child child;
    options.environment = LIST("A=1", "EMPTY=", "LONG=two words = more");
    setenv("OF_THE_PARENT", "1", 1);
    CHECK_OK(lwshm_child_start(&options, &child));
    check_output("A=1\nEMPTY=\nLONG=two words = more\n", &child);
    options.environment = no_environment;
    CHECK_OK(lwshm_child_start(&options, &child));
    check_output("", &child);
}

TEST(its_input_is_empty_and_its_streams_are_one_pipe)
{
    struct lwshm_child child =
        start_shell("readlink /proc/self/fd/0; cat; "
                    "test \"$(readlink /proc/$$/fd/1)\" = \"$(readlink /proc/$$/fd/2)\" && echo "
                    "same");
    check_output("/dev/null\nsame\n", &child);
}

TEST(no_other_descriptor_of_the_parent_is_open_in_it)
{
    int fd = open("/dev/null", O_RDONLY);
    CHECK(fd >= 0 && dup2(fd, 200) == 200 && dup2(fd, 17) == 17);
    struct lwshm_child child = start(LIST("ls", "-x", "/proc/self/fd"));
    check_output("0  1  2  3\n", &child); /* 3 is ls's own */
}

/* From here on this process has no close_range, and is killed if it closes a number that it has
   not opened. */
static void deny_close_range(void)
{
    const uint32_t call = offsetof(struct seccomp_data, nr);
    const uint32_t number = offsetof(struct seccomp_data, args[0]);
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, call),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, HIGHEST_FD, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof rules / sizeof *rules, .filter = rules};
    CHECK_EQ_INT(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK_EQ_INT(0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static void start_without_close_range(void *limit)
{
    struct rlimit files;
    CHECK_EQ_INT(0, getrlimit(RLIMIT_NOFILE, &files));
    int fd = open("/dev/null", O_RDONLY);
    CHECK(fd >= 0 && dup2(fd, HIGHEST_FD) == HIGHEST_FD && dup2(fd, 17) == 17);
    files.rlim_cur = *(rlim_t *)limit < files.rlim_max ? *(rlim_t *)limit : files.rlim_max;
    CHECK_EQ_INT(0, setrlimit(RLIMIT_NOFILE, &files));
    while (open("/dev/null", O_RDONLY) >= 0 && *(rlim_t *)limit < HIGHEST_FD)
        ;
    deny_close_range();
    close(40); /* for the pipe */
    close(41);
    struct lwshm_child child = start(LIST("ls", "-x", "/proc/self/fd"));
    check_output("0  1  2  3\n", &child);
}

TEST(without_close_range_it_closes_what_is_open_whatever_the_limit)
{
    if (is_emulated())
        SKIP("the emulator has no seccomp");
    /* One below what is open, with nothing free; and one above, as far as that may be. */
    rlim_t low = 50, high = HIGHEST_FD + 100;
    TEST_WAIT(test_fork(start_without_close_range, &low));
    TEST_WAIT(test_fork(start_without_close_range, &high));
}

static void start_without_streams(void *arg)
{
    (void)arg;
    int errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 50);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    struct lwshm_child child = start_shell("echo out; echo error >&2");
    const char *text = output_of(&child);
    dup2(errors, STDERR_FILENO);
    CHECK_EQ_STR("out\nerror\n", text);
    CHECK(child.output > 2);
    CHECK_EQ_INT(0, end_of(&child));
}

TEST(a_parent_may_have_closed_its_own_streams)
{
    TEST_WAIT(test_fork(start_without_streams, NULL));
}

TEST(it_heads_a_session_of_its_own)
{
    struct lwshm_child child = start_shell("echo here; exec sleep 3600");
    char byte[16];
    CHECK(CHECK_OK(lwshm_child_read(child.output, byte, sizeof byte, -1)) > 0);
    CHECK_EQ_INT(child.pid, getsid(child.pid));
    CHECK_EQ_INT(child.pid, getpgid(child.pid));
    CHECK_OK(lwshm_child_signal(child.pid, SIGTERM, 0));
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGTERM, end_of(&child));
}

static void on_signal(int signal)
{
    (void)signal;
}

TEST(signals_are_neither_blocked_nor_ignored_whatever_the_parent_does)
{
    /* An emulator's program cannot reach the C library's own signals, 32 and 33, which who has
       started the emulator (make, by posix_spawn) may have had ignored. */
    uint64_t unreachable = is_emulated() ? UINT64_C(3) << 31 : 0;
    sigset_t all, before, after;
    for (int i = 1; i < SIGRTMAX; i++)
        signal(i, i % 3 == 0 ? on_signal : SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigprocmask(SIG_SETMASK, NULL, &before);
    struct lwshm_child child = start(LIST("sed", "-n", "/^Sig[BIC]/p", "/proc/self/status"));
    sigprocmask(SIG_SETMASK, NULL, &after);
    unsigned long long blocked, ignored, caught;
    CHECK_EQ_INT(3, sscanf(output_of(&child), "SigBlk: %llx SigIgn: %llx SigCgt: %llx", &blocked,
                           &ignored, &caught));
    CHECK_EQ_INT(0, end_of(&child));
    CHECK_EQ_UINT(0, blocked);
    CHECK_EQ_UINT(0, ignored & ~unreachable);
    CHECK_EQ_UINT(0, caught);
    for (int i = 1; i < SIGRTMAX; i++)
        CHECK_EQ_INT(sigismember(&before, i), sigismember(&after, i));
    CHECK(signal(SIGTERM, SIG_DFL) == (SIGTERM % 3 == 0 ? on_signal : SIG_IGN));
}

TEST(a_parent_that_ignored_its_childrens_ends_hears_of_them)
{
    signal(SIGCHLD, SIG_IGN);
    struct lwshm_child child = start_shell("exit 5");
    CHECK_EQ_INT(5, end_of(&child));
    sigaction(SIGCHLD,
              &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_NOCLDWAIT | SA_RESTART},
              NULL);
    child = start_shell("exit 6");
    CHECK_EQ_INT(6, end_of(&child));
    CHECK(signal(SIGCHLD, SIG_DFL) == on_signal);
}

TEST(it_begins_in_the_directory_that_is_named)
{
    struct lwshm_child_options options = options_of(LIST("pwd"));
    struct lwshm_child child;
    char here[4200], expected[4300];
    options.directory = test_dir();
    CHECK_OK(lwshm_child_start(&options, &child));
    CHECK(realpath(test_dir(), here) != NULL);
    snprintf(expected, sizeof expected, "%s\n", here);
    check_output(expected, &child);
    options.directory = NULL;
    CHECK(getcwd(here, sizeof here) != NULL);
    snprintf(expected, sizeof expected, "%s\n", here);
    CHECK_OK(lwshm_child_start(&options, &child));
    check_output(expected, &child);
}

/* A script in the test's directory. */
static const char *write_script(const char *name, mode_t mode)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    FILE *f = fopen(path, "w");
    CHECK(f != NULL && fputs("#!/bin/sh\necho script\n", f) >= 0 && fclose(f) == 0);
    CHECK_EQ_INT(0, chmod(path, mode));
    return path;
}

TEST(a_program_is_looked_for_on_the_parents_path)
{
    struct lwshm_child_options options = options_of(LIST("of-the-test"));
    struct lwshm_child child;
    write_script("of-the-test", 0755);
    options.environment = LIST("PATH=/nowhere");
    setenv("PATH", test_dir(), 1);
    CHECK_OK(lwshm_child_start(&options, &child));
    check_output("script\n", &child);
}

TEST(a_relative_path_is_seen_from_the_childs_directory)
{
    struct lwshm_child_options options = options_of(LIST("./of-the-test"));
    struct lwshm_child child;
    write_script("of-the-test", 0755);
    options.directory = test_dir();
    CHECK_OK(lwshm_child_start(&options, &child));
    check_output("script\n", &child);
}

/* ---- what cannot be started ---- */

TEST(a_missing_program_is_named)
{
    SKIP_IF_EMULATED;
    struct lwshm_child_options options = options_of(LIST("no-such-program"));
    struct lwshm_child child;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
    CHECK_CONTAINS("\"no-such-program\"", error->message);
    CHECK_CONTAINS("PATH", error->message);
    options.arguments = LIST("/no/such/program");
    error = CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
    CHECK_CONTAINS("\"/no/such/program\"", error->message);
    CHECK_CONTAINS("directory", error->message);
}

TEST(a_file_that_may_not_be_executed_is_named)
{
    SKIP_IF_EMULATED;
    const char *path = write_script("plain", 0644);
    struct lwshm_child_options options = options_of(LIST(path));
    struct lwshm_child child;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
    CHECK_CONTAINS(path, error->message);
    CHECK_CONTAINS("chmod +x", error->message);
    options.arguments = LIST(test_dir());
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
}

TEST(a_directory_that_cannot_be_entered_is_named)
{
    SKIP_IF_EMULATED;
    struct lwshm_child_options options = options_of(LIST("true"));
    struct lwshm_child child;
    options.directory = "/no/such/directory";
    CHECK_CONTAINS("\"/no/such/directory\"",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child))->message);
    options.directory = write_script("file", 0755);
    CHECK_CONTAINS(options.directory,
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child))->message);
}

/* A file for notes, with zeros in it. */
static const char *make_note_file(void)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s/notes", test_dir());
    FILE *f = fopen(path, "w");
    CHECK(f != NULL && fprintf(f, "%060d", 0) == 60 && fclose(f) == 0);
    return path;
}

TEST(it_writes_down_who_it_is_before_it_becomes_its_program)
{
    SKIP_IF_EMULATED;
    struct lwshm_child_options options = options_of(LIST("cat", "/proc/self/stat"));
    struct lwshm_child child;
    char text[64], expected[64];
    options.note = make_note_file();
    options.note_offset = 20;
    CHECK_OK(lwshm_child_start(&options, &child));
    snprintf(expected, sizeof expected, "%020d%020llu%020d", 0,
             (unsigned long long)lwshm_process_identity(child.pid), 0);
    FILE *f = fopen(options.note, "r");
    CHECK(f != NULL && fgets(text, sizeof text, f) != NULL && fclose(f) == 0);
    CHECK_EQ_STR(expected, text);
    CHECK_OK(lwshm_child_await(child.pid));
    CHECK_OK(lwshm_child_reap(child.pid));
    CHECK_OK(lwshm_child_close_output(child.output));
}

static void check_note_of_child(const char *file)
{
    struct lwshm_child_options options = options_of(LIST("true"));
    struct lwshm_child child;
    uint64_t identity = 0;
    options.note = file;
    CHECK_OK(lwshm_child_start(&options, &child));
    FILE *f = fopen(file, "r");
    CHECK(f != NULL && fscanf(f, "%20" SCNu64, &identity) == 1 && fclose(f) == 0);
    CHECK_EQ_INT(child.pid, lwshm_process_pid(identity));
    CHECK(identity != (uint64_t)child.pid); /* it has a start time */
    CHECK_OK(lwshm_child_await(child.pid));
}

/* Has the init of a new PID namespace, without a /proc of its own, start one; exits with 2 if there
   is no such namespace to be had. */
static void go_abroad(void *file)
{
    if (unshare(CLONE_NEWPID) < 0)
        _exit(2);
    pid_t init = fork();
    if (init == 0) {
        check_note_of_child(file);
        _exit(0);
    }
    _exit(init > 0 && test_wait_any(init) == 0 ? 0 : 1);
}

TEST(it_writes_down_who_it_is_where_proc_shows_another_pid_namespace)
{
    SKIP_IF_EMULATED;
    int status = test_wait_any(test_fork(go_abroad, (void *)make_note_file()));
    if (WEXITSTATUS(status) == 2)
        SKIP("no new PID namespace is to be had");
    CHECK_EQ_INT(0, status);
}

TEST(a_child_that_cannot_be_noted_is_not_started)
{
    SKIP_IF_EMULATED;
    struct lwshm_child_options options = options_of(LIST("true"));
    struct lwshm_child child;
    options.note = "/no/such/file";
    CHECK_CONTAINS("\"/no/such/file\"",
                   CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_child_start(&options, &child))->message);
    /* A pipe that nobody reads is not waited for. */
    options.note = make_note_file();
    CHECK_EQ_INT(0, unlink(options.note));
    CHECK_EQ_INT(0, mkfifo(options.note, 0600));
    CHECK_CONTAINS(options.note,
                   CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_child_start(&options, &child))->message);
}

TEST(a_death_signal_that_is_none_is_refused)
{
    SKIP_IF_EMULATED;
    struct lwshm_child_options options = options_of(LIST("true"));
    struct lwshm_child child;
    options.parent_death_signal = 99;
    CHECK_CONTAINS("99",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child))->message);
}

TEST(arguments_that_are_too_long_are_refused)
{
    SKIP_IF_EMULATED;
    size_t size = 16 << 20;
    char *text = malloc(size);
    CHECK(text != NULL);
    memset(text, 'x', size - 1);
    text[size - 1] = '\0';
    struct lwshm_child_options options = options_of(LIST("true", text));
    struct lwshm_child child;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
    free(text);
}

TEST(a_child_without_program_or_environment_is_refused)
{
    struct lwshm_child_options options = options_of(NULL);
    struct lwshm_child child;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
    options.arguments = no_environment;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
    options.arguments = LIST("");
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
    options = options_of(LIST("true"));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, NULL));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(NULL, &child));
    options.environment = NULL;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
}

TEST(what_could_not_be_started_leaves_no_zombie_and_no_descriptor)
{
    SKIP_IF_EMULATED;
    struct lwshm_child_options options = options_of(LIST("no-such-program"));
    struct lwshm_child child;
    int next = dup(STDERR_FILENO);
    close(next);
    for (int i = 0; i < 10; i++)
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_start(&options, &child));
    CHECK_EQ_INT(next, dup(STDERR_FILENO));
    CHECK_EQ_INT(-1, waitpid(-1, NULL, WNOHANG));
}
