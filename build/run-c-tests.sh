#!/bin/bash
# Runs the C tests of some variants, each program in an IPC namespace of its own, and
# ends with one line of the form "N passed, N failed".
#
#     build/run-c-tests.sh VARIANT…        plain, asan, tsan, aarch64
#
# ONLY=text runs only the programs whose path contains it, TEST=text only the tests
# whose names do.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 1

# What a killed test leaves goes with this folder.
TMPDIR=$(mktemp -d) || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
output=$TMPDIR/output
passed=0
failed=0

run() { # VARIANT PROGRAM
    local wrapper=()
    case $1 in
    asan)
        export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
        export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
        ;;
    tsan)
        export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
        # Kernels with more ASLR entropy than this TSan knows: "unexpected memory mapping".
        wrapper=(setarch -R)
        setarch -R true 2> /dev/null || wrapper=()
        ;;
    aarch64)
        [ "$(uname -m)" = aarch64 ] || wrapper=(qemu-aarch64-static)
        ;;
    esac
    build/in-ipc-namespace.sh ${wrapper[@]+"${wrapper[@]}"} "$2" ${TEST:+"$TEST"} > "$output" 2>&1
    local status=$?
    # A program's last word; one that died without it counts as one failure.
    local line
    line=$(grep -E "^[A-Za-z0-9_]+: [0-9]+ passed, [0-9]+ failed$" "$output" | tail -n 1)
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        if [ "$status" -ne 0 ] && [ "${BASH_REMATCH[2]}" -eq 0 ]; then
            failed=$((failed + 1))
            line="$line, but exit status $status"
        fi
    else
        failed=$((failed + 1))
        line="$(basename "$2"): ended with status $status and no result"
    fi
    if [ "$status" -ne 0 ]; then
        cat "$output"
    else
        grep "^SKIPPED" "$output" # what this machine does not allow is said, not passed over
    fi
    echo "[$1] $line"
}

for variant in "$@"; do
    pattern='*_test.c'
    [ "$variant" = tsan ] && pattern='*_threads_test.c'
    while read -r source; do
        program=${source#src/test/c/}
        program=target/native/$variant/test/${program%.c}
        case $program in *"${ONLY:-}"*) run "$variant" "$program" ;; esac
    done < <(find src/test/c -name "$pattern" | sort)
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
