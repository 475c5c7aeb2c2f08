/*
 * testing.c - see testing.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE /* nftw */

#include "testing.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_FAILED 1

static struct testing_test *first, **last = &first;
static const char *current; /* the running test */
static const char *program;
static int passed, failed;
static char dir[4096];

static bool in_process(void);
static void remove_dir(void);
static void print_summary(void);

/* Where AWAIT waits; read by the signal handler of the same process. */
static const char *volatile waits_file;
static volatile int waits_line;
static const char *volatile waits_condition;

void testing_register(struct testing_test *test)
{
    *last = test;
    last = &test->next;
}

/* ---- checks ---- */

void testing_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: %s: ", file, line, current ? current : "?");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (in_process()) {
        failed++;
        printf("FAILED %s: %s\n", program, current);
        print_summary();
        remove_dir();
    }
    fflush(NULL);
    _exit(EXIT_FAILED);
}

void testing_skip(const char *format, ...)
{
    va_list args;

    printf("SKIPPED %s: %s: ", program, current);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void testing_check_int(const char *file, int line, const char *what, intmax_t expected,
                       intmax_t actual)
{
    if (expected != actual)
        testing_fail(file, line, "%s is %jd, expected %jd", what, actual, expected);
}

void testing_check_uint(const char *file, int line, const char *what, uintmax_t expected,
                        uintmax_t actual)
{
    if (expected != actual)
        testing_fail(file, line, "%s is %ju (0x%jx), expected %ju (0x%jx)", what, actual, actual,
                     expected, expected);
}

void testing_check_str(const char *file, int line, const char *what, const char *expected,
                       const char *actual)
{
    if (actual == NULL || strcmp(expected, actual) != 0)
        testing_fail(file, line, "%s is \"%s\", expected \"%s\"", what, actual ? actual : "(null)",
                     expected);
}

void testing_check_contains(const char *file, int line, const char *what, const char *part,
                            const char *actual)
{
    if (actual == NULL || strstr(actual, part) == NULL)
        testing_fail(file, line, "%s is \"%s\", without \"%s\"", what, actual ? actual : "(null)",
                     part);
}

/* ---- waiting ---- */

void testing_waits_for(const char *file, int line, const char *condition)
{
    waits_condition = NULL;
    waits_file = file;
    waits_line = line;
    waits_condition = condition;
}

void testing_nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static unsigned timeout(void)
{
    const char *text = getenv("TESTING_TIMEOUT");
    int seconds = text ? atoi(text) : 0;

    return seconds > 0 ? (unsigned)seconds : 120;
}

/* Ends a test that hangs.  Nothing else runs after it, so stdio is good enough. */
static void on_alarm(int signal)
{
    (void)signal;
    if (waits_condition)
        testing_fail(waits_file, waits_line, "hangs, waiting for: %s", waits_condition);
    testing_fail("testing", 0, "hangs");
}

/* ---- processes ---- */

pid_t test_fork(void (*run)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        FAIL("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILED);
    signal(SIGALRM, on_alarm);
    alarm(timeout());
    run(arg);
    exit(0);
}

int test_wait_any(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            FAIL("waitpid(%d): %s", (int)pid, strerror(errno));
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void testing_wait(const char *file, int line, pid_t pid)
{
    int status = test_wait_any(pid);

    if (status < 0)
        testing_fail(file, line, "child %d died of signal %d (%s)", (int)pid, -status,
                     strsignal(-status));
    if (status > 0)
        testing_fail(file, line, "child %d exited with status %d", (int)pid, status);
}

void test_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    test_wait_any(pid);
}

bool test_has_ended(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* ---- the test's directory ---- */

/* Made before the test forks, so that its children see the same one. */
static void make_dir(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(dir, sizeof dir, "%s/lwshm-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL) {
        fprintf(stderr, "mkdtemp %s: %s\n", dir, strerror(errno));
        exit(EXIT_FAILED);
    }
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

static void remove_dir(void)
{
    if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "cannot remove %s: %s\n", dir, strerror(errno));
}

const char *test_dir(void)
{
    return dir;
}

/* ---- running ---- */

static bool in_process(void)
{
#if defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return getenv("TESTING_IN_PROCESS") != NULL;
}

static void run_here(const struct testing_test *test)
{
    signal(SIGALRM, on_alarm);
    alarm(timeout());
    test->run();
    alarm(0);
}

static bool run_in_child(const struct testing_test *test)
{
    fflush(NULL);
    pid_t runner = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        return false;
    }
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != runner)
            _exit(EXIT_FAILED);
        run_here(test);
        exit(0);
    }
    setpgid(pid, pid); /* whoever comes first */

    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    kill(-pid, SIGKILL); /* while the zombie still keeps the number from being reused */
    waitpid(pid, NULL, 0);
    if (info.si_code != CLD_EXITED)
        fprintf(stderr, "%s: died of signal %d (%s)\n", test->name, info.si_status,
                strsignal(info.si_status));
    return info.si_code == CLD_EXITED && info.si_status == 0;
}

static void print_summary(void)
{
    printf("%s: %d passed, %d failed\n", program, passed, failed);
}

static void run(const struct testing_test *test)
{
    current = test->name;
    make_dir();
    if (in_process()) {
        /* A failure ends the program, and a sanitizer's does not say which test it was. */
        fprintf(stderr, "%s\n", test->name);
        run_here(test);
    } else if (!run_in_child(test)) {
        failed++;
        printf("FAILED %s: %s\n", program, test->name);
        remove_dir();
        return;
    }
    passed++;
    remove_dir();
}

int main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : "";
    const char *slash = strrchr(argv[0], '/');

    program = slash ? slash + 1 : argv[0];
    if (strcmp(filter, "-l") == 0) {
        for (const struct testing_test *test = first; test; test = test->next)
            puts(test->name);
        return 0;
    }
    for (const struct testing_test *test = first; test; test = test->next)
        if (strstr(test->name, filter))
            run(test);
    print_summary();
    return failed > 0 ? EXIT_FAILED : 0;
}
