/*
 * testing.h - a small frame for tests in C.
 *
 * Every src/test/c/.../<name>_test.c is a program of its own.  A test's name is a
 * sentence, and it registers itself:
 *
 *     TEST(a_second_creator_hears_who_holds_the_segment)
 *     {
 *         CHECK_EQ_INT(LWSHM_E_IN_USE, lwshm_segment_create(&options, &segment));
 *     }
 *
 * Each test runs in a child process, the head of a process group of its own: a
 * crash is a failure with the test's name, and what the test forked dies with it.
 * Under ThreadSanitizer, and with TESTING_IN_PROCESS=1 (for a debugger), tests run
 * in the program itself; only files named *_threads_test.c are built for
 * ThreadSanitizer, so tests that fork belong elsewhere.
 *
 * A test that hangs is killed after TESTING_TIMEOUT seconds (120), so that a hang is a
 * failure and not an endless build; nothing is ever said about how fast a test is.
 *
 * An argument runs only the tests whose names contain it; -l lists them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTING_H
#define TESTING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

struct testing_test {
    const char *name;
    void (*run)(void);
    struct testing_test *next;
};

void testing_register(struct testing_test *test);

#define TEST(test_name)                                                                            \
    static void test_##test_name(void);                                                            \
    __attribute__((constructor)) static void register_##test_name(void)                            \
    {                                                                                              \
        static struct testing_test test = {#test_name, test_##test_name, NULL};                    \
        testing_register(&test);                                                                   \
    }                                                                                              \
    static void test_##test_name(void)

/* Ends the test, and the process that calls it, as failed.  printf's arguments. */
_Noreturn void testing_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define FAIL(...) testing_fail(__FILE__, __LINE__, __VA_ARGS__)

/* Ends the test, from its own function, as passed; says what the machine does not allow. */
#define SKIP(...)                                                                                  \
    do {                                                                                           \
        testing_skip(__VA_ARGS__);                                                                 \
        return;                                                                                    \
    } while (0)
void testing_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Checks end the test at the first failure.  The expected value comes first. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            FAIL("not true: %s", #condition);                                                      \
    } while (0)

#define CHECK_EQ_INT(expected, actual)                                                             \
    testing_check_int(__FILE__, __LINE__, #actual, (intmax_t)(expected), (intmax_t)(actual))
#define CHECK_EQ_UINT(expected, actual)                                                            \
    testing_check_uint(__FILE__, __LINE__, #actual, (uintmax_t)(expected), (uintmax_t)(actual))
#define CHECK_EQ_STR(expected, actual)                                                             \
    testing_check_str(__FILE__, __LINE__, #actual, expected, actual)
#define CHECK_CONTAINS(part, actual)                                                               \
    testing_check_contains(__FILE__, __LINE__, #actual, part, actual)

void testing_check_int(const char *file, int line, const char *what, intmax_t expected,
                       intmax_t actual);
void testing_check_uint(const char *file, int line, const char *what, uintmax_t expected,
                        uintmax_t actual);
void testing_check_str(const char *file, int line, const char *what, const char *expected,
                       const char *actual);
void testing_check_contains(const char *file, int line, const char *what, const char *part,
                            const char *actual);

/* Waits until a condition is true, looking again and again; the watchdog bounds it. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        testing_waits_for(__FILE__, __LINE__, #condition);                                         \
        while (!(condition))                                                                       \
            testing_nap();                                                                         \
        testing_waits_for(NULL, 0, NULL);                                                          \
    } while (0)

/* What AWAIT waits for, so that a time-out can say it. */
void testing_waits_for(const char *file, int line, const char *condition);
void testing_nap(void);

/*
 * A new, empty directory, which goes when the test ends, however it ends.  The same
 * one for every call within a test, in the test's children too.
 */
const char *test_dir(void);

/* Runs run(arg) in a child process that exits 0 when it returns, and dies with the test. */
pid_t test_fork(void (*run)(void *arg), void *arg);

/* Waits for a child and checks that it exited 0. */
#define TEST_WAIT(pid) testing_wait(__FILE__, __LINE__, pid)
void testing_wait(const char *file, int line, pid_t pid);

/* Waits for a child, however it ends; its exit status, or minus the signal it died of. */
int test_wait_any(pid_t pid);

/* SIGKILLs a child and waits until it is gone. */
void test_kill(pid_t pid);

/* True once the child has ended; it stays a zombie until it is waited for. */
bool test_has_ended(pid_t pid);

#endif
