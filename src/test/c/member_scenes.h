/*
 * member_scenes.h - processes that attach, adopt, create and leave, to be killed on the way, and
 * what must hold for the next process.
 *
 *     member_scenes_begin(directory);
 *     for each scene:
 *         member_scene_set(scene);
 *         pid_t pid = tracing_start(member_victim);
 *         raw_knows(pid);
 *         ... let it run somewhere, and kill it
 *         if (!member_scene_check(NEXT_OPENS)) ... member_wrong says what is wrong
 *     member_scenes_end();
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MEMBER_SCENES_H
#define MEMBER_SCENES_H

#include <stdbool.h>

/* What the directory has before the victim begins. */
enum member_setting {
    SETTING_NOTHING, /* no file, no segment */
    SETTING_LIVE,    /* a segment with one member, this process */
    SETTING_ORPHAN,  /* all members were killed */
    SETTING_ADOPTED  /* and so was one that was adopting it */
};

struct member_scene {
    const char *name;
    enum member_setting setting;
    bool enters_first;  /* the victim is a member before it begins */
    const char *action; /* attach, open, close or create */
};

extern const struct member_scene member_scenes[];
extern const int member_scene_count;

/* Where the scenes play; an empty directory. */
void member_scenes_begin(const char *directory);

/* Closes the witness's segment; false if that fails or a segment is left. */
bool member_scenes_end(void);

/* Makes the scene's setting; false if that does not work. */
bool member_scene_set(const struct member_scene *scene);

/* The victim of the scene that is set, for tracing_start(). */
void member_victim(void);

/* What the next process does. */
enum member_next {
    NEXT_OPENS,
    NEXT_CREATES,
    NEXT_COUNT,
};

/* Once the victim is dead: only the living are members, the data are whole, there is one segment at
   most, and attach, open and create do what they have to.  At the end only the witness's segment is
   left. */
bool member_scene_check(enum member_next next);

/* While the victim is stopped and does not hold the directory's lock: this process opens, as the
   other.  If there is a witness, it closes first, and the other creates unless the victim is in. */
bool member_scene_intrude(void);
/* At the victim's end, while it lives: there is one segment, and the other is in it. */
bool member_scene_check_intruder(void);
/* Once the victim is dead: the other is the only member.  It leaves. */
bool member_scene_end_intruder(void);

/* What is wrong, if something is. */
struct member_wrong {
    enum {
        WRONG_STUCK,
        WRONG_LOST,
        WRONG_FALSE
    } what;
    char text[400];
};
extern struct member_wrong member_wrong;

#endif
