#!/bin/bash
# Runs the chaos programs, all at once, and ends with the line
# "chaos: N kills, L lost updates, S stuck, F false recoveries"; fails unless L, S and F are 0.
#
#     build/run-chaos.sh JAVA CLASSPATH        KILLS=300 STOP_SECONDS=60 MEMBERSHIP_JVM_EVERY=3
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 1
java=$1
classpath=$2
programs=target/native/plain/test/chaos
export MEMBERSHIP_JVM_EVERY=${MEMBERSHIP_JVM_EVERY:-3}

TMPDIR=$(mktemp -d) || exit 1
export TMPDIR
names=()
pids=()
finish() {
    # What still runs; each takes its children with it.
    for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2> /dev/null; done
    rm -rf "$TMPDIR"
}
trap finish EXIT
trap 'exit 1' INT TERM

run() { # NAME COMMAND…; @ stands for a new directory
    local name=$1
    shift
    mkdir "$TMPDIR/$name"
    "${@/#@/$TMPDIR/$name}" > "$TMPDIR/$name.out" 2>&1 &
    names+=("$name")
    pids+=($!)
}

# PIDs that come again need a PID namespace.
pid_namespace=()
for how in "" "--user --map-root-user"; do
    # shellcheck disable=SC2086
    if unshare $how --pid --fork --mount-proc --kill-child true 2> /dev/null; then
        # shellcheck disable=SC2206
        pid_namespace=(unshare $how --pid --fork --mount-proc --kill-child)
        break
    fi
done
[ ${#pid_namespace[@]} -gt 0 ] || echo "chaos: no PID namespace is permitted here; pids may not come again"

run death ${pid_namespace[@]+"${pid_namespace[@]}"} "$programs/death_program" @
run random "$programs/random_program" @ "$programs/worker_program" "$java" "$classpath" \
    "$PWD/target/native/plain/liblwshm-jni.so"
run step-1 "$programs/step_program" @ "" 0 2
run step-2 "$programs/step_program" @ "" 1 2
run heir "$programs/heir_program" @
# In an IPC namespace of its own: others' segments on keys nearby would change the calls it counts.
run membership build/in-ipc-namespace.sh "$programs/membership_program" @ "" "$java" "$classpath" \
    "$PWD/target/native/plain/liblwshm-jni.so"
# And once more, with signals raining on all but the JVMs, so that sleeps are disturbed, too.
run random-rain env CHAOS_SIGNAL_US=300 "$programs/random_program" @ "$programs/worker_program"
run step-rain-1 env CHAOS_SIGNAL_US=700 "$programs/step_program" @ "" 0 2
run step-rain-2 env CHAOS_SIGNAL_US=700 "$programs/step_program" @ "" 1 2

kills=0 lost=0 stuck=0 false=0 failed=0
last='^[a-z]+: ([0-9]+) kills, ([0-9]+) lost updates, ([0-9]+) stuck, ([0-9]+) false recoveries$'
for i in "${!names[@]}"; do
    wait "${pids[i]}"
    status=$?
    output=$TMPDIR/${names[i]}.out
    echo "== ${names[i]}"
    cat "$output"
    if [[ $(tail -n 1 "$output") =~ $last ]]; then
        kills=$((kills + BASH_REMATCH[1]))
        lost=$((lost + BASH_REMATCH[2]))
        stuck=$((stuck + BASH_REMATCH[3]))
        false=$((false + BASH_REMATCH[4]))
    else
        echo "chaos: ${names[i]} ended with status $status and no result"
        failed=1
    fi
    [ "$status" -eq 0 ] || failed=1
done
pids=()

# What went wrong, once more, where it is seen: next to the last line.
grep -HE '^ *(LOST|STUCK|FALSE)' "$TMPDIR"/*.out | sed "s|^$TMPDIR/||"
echo "chaos: $kills kills, $lost lost updates, $stuck stuck, $false false recoveries"
[ $((lost + stuck + false + failed)) -eq 0 ]
