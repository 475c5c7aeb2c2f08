/*
 * member_scenes.c - see member_scenes.h.
 *
 * The segments of C and of Java are the same here, so that a victim in one language may find what
 * was left by one in the other: org.lwshm.chaos.ChaosMember builds what options() says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "member_scenes.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lwshm/lwshm.h"
#include "os/members_file.h"
#include "raw_directory.h"
#include "tracing.h"

#define VALUE 4711

const struct member_scene member_scenes[] = {
    {"attaches beside a live member", SETTING_LIVE, false, "attach"},
    {"leaves while another is in", SETTING_LIVE, true, "close"},
    {"leaves as the last one", SETTING_NOTHING, true, "close"},
    {"adopts an orphan", SETTING_ORPHAN, false, "open"},
    {"adopts what a killed adopter left", SETTING_ADOPTED, false, "open"},
    {"creates where there is none", SETTING_NOTHING, false, "create"},
    {"creates over an orphan", SETTING_ORPHAN, false, "create"},
};
const int member_scene_count = sizeof member_scenes / sizeof *member_scenes;

struct member_wrong member_wrong;

static const char *directory;
static const struct member_scene *scene;
static lwshm_segment *witness, *intruder;
static const void *witness_at; /* its address */
static uint32_t generation;    /* of the segment that is replaced next, 0: none is */

static bool __attribute__((format(printf, 2, 3))) wrong(int what, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    member_wrong.what = what;
    vsnprintf(member_wrong.text, sizeof member_wrong.text, format, args);
    va_end(args);
    return false;
}

/* ---- calls of the library ---- */

static struct lwshm_segment_options options(void)
{
    struct lwshm_segment_options o;
    lwshm_segment_options_init(&o);
    o.data_dir = directory;
    o.description = "struct 8 data\nversion 0";
    o.area_bytes = 64;
    o.max_processes = 8;
    o.max_backends = 4;
    o.max_held_locks = 4;
    o.max_tranches = 2;
    o.max_lwlocks = 4;
    o.max_structs = 2;
    o.patience_ms = 20; /* no victim publishes while it is stopped */
    return o;
}

/* NULL if there are none. */
static int64_t *data_of(lwshm_segment *s)
{
    struct lwshm_area area;
    if (lwshm_shmem_index_find(s, "data", &area) < 0)
        return NULL;
    return lwshm_shmem_pointer(s, area.offset, area.size);
}

static bool has_data(lwshm_segment *s)
{
    const int64_t *data = data_of(s);
    return data != NULL && *data == VALUE;
}

/* Initialises the data, if it was just made, and publishes the segment. */
static int begin(lwshm_segment *s, bool made)
{
    struct lwshm_area area;
    bool found;
    int r = made ? lwshm_shmem_init_struct(s, "data", sizeof(int64_t), &found, &area) : LWSHM_OK;
    if (r < 0)
        return r;
    if (made)
        *data_of(s) = VALUE;
    return lwshm_segment_publish(s);
}

static int open_segment(lwshm_segment **s)
{
    struct lwshm_segment_options o = options();
    int opened = lwshm_segment_open(&o, s, NULL, 0);
    int r = opened > LWSHM_OPENED_ATTACHED ? begin(*s, opened == LWSHM_OPENED_CREATED) : LWSHM_OK;
    return r < 0 ? r : opened;
}

static int create_segment(lwshm_segment **s)
{
    struct lwshm_segment_options o = options();
    int r = lwshm_segment_create(&o, s);
    return r < 0 ? r : begin(*s, true);
}

static struct lwshm_segment_info info_of(const lwshm_segment *s)
{
    struct lwshm_segment_info info = {.shmid = -1};
    lwshm_segment_info(s, &info);
    return info;
}

/* ---- the settings ---- */

static void be_killed(bool adopts)
{
    struct lwshm_segment_options o = options();
    lwshm_segment *s;
    if (adopts ? lwshm_segment_open(&o, &s, NULL, 0) == LWSHM_OPENED_ADOPTED
               : create_segment(&s) == LWSHM_OK)
        raise(SIGKILL);
    _exit(1);
}

static bool leave_an_orphan(bool adopts)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        be_killed(adopts);
    raw_knows(pid);
    return (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status)) ||
           wrong(WRONG_STUCK, "no orphan is to be had");
}

static bool make_witness(void)
{
    int r = witness != NULL ? LWSHM_OK : create_segment(&witness);
    if (r >= 0)
        witness_at = (const void *)(uintptr_t)info_of(witness).base;
    return r >= 0 || wrong(WRONG_STUCK, "no segment is to be had: %s", lwshm_last_error()->message);
}

static bool remove_file(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, OS_MEMBERS_FILE);
    return unlink(path) == 0 || errno == ENOENT || wrong(WRONG_STUCK, "unlink: errno %d", errno);
}

void member_scenes_begin(const char *path)
{
    directory = path;
    raw_directory(path);
}

static bool end_witness(void)
{
    int r = witness == NULL ? LWSHM_OK : lwshm_segment_close(witness);
    witness = NULL;
    return r >= 0 || wrong(WRONG_STUCK, "the witness: %s", lwshm_last_error()->message);
}

bool member_scenes_end(void)
{
    return end_witness() && (raw_count_segments() == 0 ||
                             wrong(WRONG_STUCK, "%d segments are left", raw_count_segments()));
}

bool member_scene_set(const struct member_scene *next)
{
    scene = next;
    raw_know_nobody();
    generation = 0;
    switch (scene->setting) {
    case SETTING_LIVE:
        return make_witness();
    case SETTING_NOTHING:
        return end_witness() && remove_file();
    case SETTING_ORPHAN:
    case SETTING_ADOPTED:
        if (!end_witness() || !leave_an_orphan(false))
            return false;
        generation = 1;
        return scene->setting == SETTING_ORPHAN || leave_an_orphan(true);
    }
    return false;
}

/* ---- the victim ---- */

/* Detaches what it inherited from the member that forked it. */
static void forget_the_witness(void)
{
    if (witness != NULL)
        shmdt(witness_at);
}

/* It may be refused, if another process came first; the checks see what comes of that. */
void member_victim(void)
{
    lwshm_segment *s = NULL;
    forget_the_witness();
    if (scene->enters_first && open_segment(&s) < 0)
        _exit(1);
    tracing_begin();
    if (strcmp(scene->action, "attach") == 0)
        lwshm_segment_attach(directory, 0, &s);
    else if (strcmp(scene->action, "open") == 0)
        open_segment(&s);
    else if (strcmp(scene->action, "create") == 0)
        create_segment(&s);
    else
        lwshm_segment_close(s);
    tracing_end();
}

/* ---- what must hold afterwards ---- */

static bool is_one_segment(int expected)
{
    int count = raw_count_segments();
    return count == expected || wrong(count > expected ? WRONG_FALSE : WRONG_LOST,
                                      "there are %d segments, not %d", count, expected);
}

/* The member sees so many members, the directory's segment, and the data. */
static bool is_fine(lwshm_segment *s, int members, const char *who)
{
    struct lwshm_segment_info info = info_of(s);
    if (lwshm_segment_reap_dead(s) < 0)
        return wrong(WRONG_STUCK, "%s: %s", who, lwshm_last_error()->message);
    int count = lwshm_segment_processes(s, NULL, 0);
    if (info.is_removed)
        return wrong(WRONG_FALSE, "the segment of %s was removed", who);
    if (info.shmid != raw_shmid())
        return wrong(WRONG_FALSE, "%s is in segment %d, and the directory has %d", who, info.shmid,
                     raw_shmid());
    if (count != members)
        return wrong(count > members ? WRONG_STUCK : WRONG_FALSE, "%s sees %d members, not %d", who,
                     count, members);
    return has_data(s) || wrong(WRONG_LOST, "the data of %s are gone", who);
}

static bool close_it(lwshm_segment *s, const char *who)
{
    return lwshm_segment_close(s) >= 0 ||
           wrong(WRONG_STUCK, "%s does not come out: %s", who, lwshm_last_error()->message);
}

/* Another process attaches beside the members. */
static bool lets_in(int members)
{
    lwshm_segment *s;
    if (lwshm_segment_attach(directory, 0, &s) < 0)
        return wrong(WRONG_STUCK, "attaching is refused: %s", lwshm_last_error()->message);
    return is_fine(s, members + 1, "an attacher") && close_it(s, "an attacher");
}

static bool opens_attached(int members)
{
    lwshm_segment *s;
    int opened = open_segment(&s);
    if (opened < 0)
        return wrong(WRONG_STUCK, "opening is refused: %s", lwshm_last_error()->message);
    if (opened != LWSHM_OPENED_ATTACHED)
        return wrong(WRONG_FALSE, "opened with %d beside a live member", opened);
    return is_fine(s, members + 1, "an opener") && close_it(s, "an opener");
}

static bool refuses_to_create(void)
{
    lwshm_segment *s;
    int r = create_segment(&s);
    const struct lwshm_error *error = lwshm_last_error();
    if (r == LWSHM_OK)
        return wrong(WRONG_FALSE, "created beside a live member");
    return (r == LWSHM_E_IN_USE && error->value_count == 1 && error->values[0] == getpid()) ||
           wrong(WRONG_STUCK, "creating beside a live member says: %s", error->message);
}

static bool check_with_witness(enum member_next next)
{
    return is_fine(witness, 1, "the witness") && lets_in(1) &&
           (next == NEXT_OPENS ? opens_attached(1) : refuses_to_create()) && is_one_segment(1) &&
           is_fine(witness, 1, "the witness");
}

/* Without a live member, attaching is refused. */
static bool refuses_to_attach(void)
{
    lwshm_segment *s;
    int r = lwshm_segment_attach(directory, 0, &s);
    return r == LWSHM_E_NOT_FOUND || r == LWSHM_E_NOT_READY ||
           wrong(r >= 0 ? WRONG_FALSE : WRONG_STUCK, "attaching without a live member says: %s",
                 r >= 0 ? "attached" : lwshm_last_error()->message);
}

static bool open_next(lwshm_segment **s)
{
    int expected = raw_is_adoptable() ? LWSHM_OPENED_ADOPTED : LWSHM_OPENED_CREATED;
    int opened = open_segment(s);
    if (opened < 0)
        return wrong(WRONG_STUCK, "opening is refused: %s", lwshm_last_error()->message);
    return opened == expected || wrong(expected == LWSHM_OPENED_ADOPTED ? WRONG_LOST : WRONG_FALSE,
                                       "opened with %d, not %d", opened, expected);
}

static bool create_next(lwshm_segment **s)
{
    if (create_segment(s) < 0)
        return wrong(WRONG_STUCK, "creating is refused: %s", lwshm_last_error()->message);
    return info_of(*s).generation > generation ||
           wrong(WRONG_LOST, "the new generation is %u, the old was %u", info_of(*s).generation,
                 generation);
}

static bool leave_alone(lwshm_segment *s, const char *who)
{
    return is_fine(s, 1, who) && lets_in(1) && is_one_segment(1) && close_it(s, who) &&
           is_one_segment(0);
}

static bool check_without_members(enum member_next next)
{
    lwshm_segment *s;
    int count = raw_count_segments();
    if (count > 1)
        return wrong(WRONG_FALSE, "the dead left %d segments", count);
    return refuses_to_attach() && (next == NEXT_OPENS ? open_next(&s) : create_next(&s)) &&
           leave_alone(s, "the next member");
}

bool member_scene_check(enum member_next next)
{
    return witness != NULL ? check_with_witness(next) : check_without_members(next);
}

/* ---- the other, while the victim is stopped ---- */

/* NOT_READY is a correct answer only while the victim makes or adopts and has not published. */
static bool enter_as_intruder(bool creates, bool may_wait)
{
    int r = creates ? create_segment(&intruder) : LWSHM_E_IN_USE;
    if (r == LWSHM_E_IN_USE)
        r = open_segment(&intruder);
    if (r < 0)
        intruder = NULL;
    return r >= 0 || (r == LWSHM_E_NOT_READY && may_wait) ||
           wrong(WRONG_STUCK, "the other is refused: %s", lwshm_last_error()->message);
}

bool member_scene_intrude(void)
{
    bool creates = witness != NULL;
    return (!creates || end_witness()) && enter_as_intruder(creates, true);
}

bool member_scene_check_intruder(void)
{
    if (intruder == NULL && !enter_as_intruder(false, false))
        return false;
    struct lwshm_segment_info info = info_of(intruder);
    if (info.is_removed || info.shmid != raw_shmid())
        return wrong(WRONG_FALSE, "the other's segment was taken from it");
    return is_one_segment(1) &&
           (has_data(intruder) || wrong(WRONG_LOST, "the data of the other are gone"));
}

bool member_scene_end_intruder(void)
{
    return leave_alone(intruder, "the other");
}
