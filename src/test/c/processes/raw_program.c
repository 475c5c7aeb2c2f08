/*
 * raw_program.c - makes, reads and damages SysV segments behind lwshm's back, as a test
 * in Java tells it.  Commands, and what comes after "ok" in the reply:
 *
 *     make KEY SIZE MODE         the id; it is attached, too
 *     attach ID
 *     peek OFFSET WIDTH          the value, unsigned
 *     poke OFFSET WIDTH VALUE    the value before
 *     detach
 *     remove ID
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

static unsigned char *base;

static void reply(int result)
{
    if (result < 0)
        printf("error %d %s\n", errno, strerror(errno));
    else
        printf("ok %d\n", result);
}

static int attach(int shmid)
{
    void *at = shmat(shmid, NULL, 0);
    if (at == (void *)-1)
        return -1;
    base = at;
    return shmid;
}

static int make(int32_t key, uint64_t size, int mode)
{
    int shmid = shmget(key, size, IPC_CREAT | IPC_EXCL | mode);
    return shmid < 0 ? -1 : attach(shmid);
}

/* Little-endian, as segments are. */
static void peek_and_poke(uint64_t offset, size_t width, const uint64_t *value)
{
    uint64_t before = 0;
    memcpy(&before, base + offset, width);
    if (value != NULL)
        memcpy(base + offset, value, width);
    printf("ok %" PRIu64 "\n", before);
}

int main(void)
{
    char line[256], command[16];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned long long a = 0, b = 0;
        uint64_t value = 0;
        /* Octal and hexadecimal, too; a mode is written as 0600. */
        char *at = line + strcspn(line, " \n");
        snprintf(command, sizeof command, "%.*s", (int)(at - line), line);
        a = strtoull(at, &at, 0);
        b = strtoull(at, &at, 0);
        value = strtoull(at, &at, 0);
        if (strcmp(command, "make") == 0)
            reply(make((int32_t)(uint32_t)a, b, (int)value));
        else if (strcmp(command, "attach") == 0)
            reply(attach((int)a));
        else if (strcmp(command, "peek") == 0)
            peek_and_poke(a, b, NULL);
        else if (strcmp(command, "poke") == 0)
            peek_and_poke(a, b, &value);
        else if (strcmp(command, "detach") == 0)
            reply(shmdt(base));
        else if (strcmp(command, "remove") == 0)
            reply(shmctl((int)a, IPC_RMID, NULL));
        else
            printf("error 0 no such command: %s\n", command);
    }
    return 0;
}
