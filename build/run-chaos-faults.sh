#!/bin/bash
# Plants each fault of src/test/c/chaos/faults in a copy of the sources and has a chaos program
# find it.  Ends with "faults: N of M caught"; fails unless all are.
#
#     build/run-chaos-faults.sh [NAME]
#
# The head of a patch says what is wrong with it, which program and scenario hear of it, and as
# what: stuck, lost, or false (recovery).  A patch that does not apply is not caught.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 1
faults=src/test/c/chaos/faults
work=target/chaos/faults
programs=target/native/plain/test/chaos

TMPDIR=$(mktemp -d) || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM

field() { sed -n "s/^$1: //p" "$2" | head -n 1; }

# The copy brings its objects along, so that only what the patch touches is compiled anew.
build() { # NAME PROGRAM; says why not
    rm -rf "${work:?}/$1"
    mkdir -p "$work/$1/target/native/plain"
    cp -a src include build "$work/$1" && cp -a target/native/plain/obj "$work/$1/target/native/plain" || return 1
    patch -s -p1 -d "$work/$1" < "$faults/$1.patch" > "$TMPDIR/$1.log" 2>&1 ||
        { echo "the patch does not apply" && return 1; }
    make -s -C "$work/$1" -f build/native.mk "$programs/$2_program" "$programs/worker_program" \
        >> "$TMPDIR/$1.log" 2>&1 || { echo "does not compile" && return 1; }
}

# Caught, if the program fails and says the right thing.
try() { # NAME
    local patch=$faults/$1.patch program scenario heard why status last output=$TMPDIR/$1.log
    program=$(field Program "$patch")
    scenario=$(field Scenario "$patch")
    heard=$(field "Heard as" "$patch")
    why=$(build "$1" "$program") || { printf '  %-34s NOT CAUGHT: %s\n' "$1" "$why" && return 1; }
    mkdir "$TMPDIR/$1"
    local wrapper=("${ipc_namespace[@]}")
    [ "$program" != death ] || wrapper+=("${pid_namespace[@]}")
    [ "$program" != random ] || scenario=$work/$1/$programs/worker_program
    CHAOS_STUCK_SECONDS=5 STOP_SECONDS=5 timeout 300 "${wrapper[@]}" \
        "$work/$1/$programs/${program}_program" "$TMPDIR/$1" "$scenario" \
        > "$output" 2>&1
    status=$?
    last=$(tail -n 1 "$output")
    case $heard in
    stuck) [[ $status -eq 1 && $last =~ ,\ [1-9][0-9]*\ stuck, ]] ;;
    lost) [[ $status -eq 1 && $last =~ ,\ [1-9][0-9]*\ lost\ updates, ]] ;;
    false) [[ $status -eq 1 && $last =~ ,\ [1-9][0-9]*\ false\ recoveries$ ]] ;;
    *) false ;;
    esac || { printf '  %-34s NOT CAUGHT as %s, status %d: %s\n' "$1" "$heard" "$status" "$last" && return 1; }
    printf '  %-34s %s\n' "$1" "$(grep -m 1 -E '^  (STUCK|LOST|FALSE)' "$output" | cut -c 3-110)"
    rm -rf "${work:?}/$1"
}

# Namespaces of its own for each, as far as they are permitted: a fault may leave anything.
first_that_works() { # COMMAND…, each a word to be split; prints it
    local command
    for command in "$@"; do
        # shellcheck disable=SC2086
        if $command true 2> /dev/null; then
            echo "$command"
            return
        fi
    done
}
pid="--pid --fork --mount-proc --kill-child"
read -ra ipc_namespace < <(first_that_works "unshare --ipc" "unshare --ipc --user --map-root-user" env)
read -ra pid_namespace < <(first_that_works "unshare $pid" "unshare --user --map-root-user $pid" env)

mkdir -p "$work"
planted=0
caught=0
running=0
reap() {
    wait -n
    [ $? -ne 0 ] || caught=$((caught + 1))
    running=$((running - 1))
}
for patch in "$faults"/*"${1:-}"*.patch; do
    planted=$((planted + 1))
    # Most of the time somebody waits for what does not come.
    [ "$running" -lt $((2 * $(nproc))) ] || reap
    try "$(basename "$patch" .patch)" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do reap; done

echo "faults: $caught of $planted caught"
[ "$planted" -gt 0 ] && [ "$caught" -eq "$planted" ]
