/*
 * narrow_program.c - runs a program whose standard output is a pipe as narrow as there is, which
 * does not block.
 *
 *     narrow PROGRAM ARGUMENT...
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define NARROW 4096

int main(int argc, char **argv)
{
    if (argc < 2 || fcntl(STDOUT_FILENO, F_SETPIPE_SZ, NARROW) < 0 ||
        fcntl(STDOUT_FILENO, F_SETFL, O_WRONLY | O_NONBLOCK) < 0) {
        perror("narrow");
        return 97;
    }
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return 98;
}
