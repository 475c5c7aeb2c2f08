#!/bin/sh
# Runs a command in a SysV IPC namespace of its own and fails if it leaves a segment.
#
#     build/in-ipc-namespace.sh COMMAND [ARGUMENT…]
#
# Where no namespace is to be had, the command runs in the present one, and the
# segments there before and after are compared.
#
# SPDX-License-Identifier: Apache-2.0
set -u

segments() { ipcs -m | awk '$2 ~ /^[0-9]+$/ { print $2, "key", $1, "bytes", $5, "attached", $6 }' | sort; }

if [ "${1:-}" != --inside ]; then
    for how in "--ipc" "--ipc --user --map-current-user" "--ipc --user --map-root-user"; do
        # shellcheck disable=SC2086
        if unshare $how true 2> /dev/null; then
            exec unshare $how "$0" --inside "$@"
        fi
    done
    echo "in-ipc-namespace: not permitted here; other programs' segments may disturb" >&2
else
    shift
fi

before=$(segments)
# A JVM that inherits an ignored signal (nohup) would not hear the one that a test sends it.
env --default-signal=HUP,INT,QUIT,TERM "$@"
status=$?
left=$(segments | awk -v before="$before" '
    BEGIN { n = split(before, line, "\n"); for (i = 1; i <= n; i++) { split(line[i], w, " "); old[w[1]] = 1 } }
    !($1 in old)')
if [ -n "$left" ]; then
    echo "LEAK: $* left in ipcs -m:" >&2
    echo "$left" | sed 's/^/    shmid /' >&2
    [ "$status" -ne 0 ] || status=1
fi
exit "$status"
