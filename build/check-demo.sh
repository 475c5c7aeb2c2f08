#!/bin/sh
# The demo does what it says: its postmaster replaces clients that are killed in the middle
# of a transaction, and the books are right; it is the undo that sees to that.  It ends in
# order when its time is up and on a signal, and leaves nothing but when it is killed itself.
#
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
out=$dir/out
demo=
trap '[ -z "$demo" ] || kill -9 "$demo"; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

fail() {
    cat "$out" >&2
    echo "check-demo: $*" >&2
    exit 1
}

# How many lines match.
count() { grep -c "$1" "$out" || true; }

# Starts it in the background, on the directory $dir/data, until its clients are at work.
start() {
    : > "$out" # of what it held before, no line must be taken for this run's
    # What a shell starts in the background ignores SIGINT.
    env --default-signal=INT,TERM examples/demo.sh --data-dir "$dir/data" --seconds 600 --kills 0 \
        > "$out" 2>&1 &
    demo=$!
    until grep -q '^  1 s ' "$out"; do
        kill -0 "$demo" 2> /dev/null || fail "the demo has ended by itself"
        sleep 0.1
    done
}

# ---- four kills, each half-way, of JVMs and C programs in turn; then a smart stop ----

examples/demo.sh --seconds 2 --kills 4 > "$out" 2>&1 || fail "the demo failed"
tail -n 1 "$out" | grep -qx 'demo: consistent, [0-9]* transactions, segment removed' ||
    fail "the demo's last word is another"
size=$(sed -n 's/^total  *\([0-9,]*\)$/\1/p' "$out" | tr -d , | head -n 1)
grep -q "^postmaster: .* $size bytes," "$out" || fail "the segment was made larger or smaller than told"
for name in java c; do
    kills=$(count "^kill -9: $name-.* half-way: account and teller changed, branch and history not")
    [ "$kills" -eq 2 ] || fail "$kills kills of $name clients came half-way, not 2"
    ends=$(count "^ended: $name-.* was ended by signal 9")
    [ "$ends" -eq 2 ] || fail "$ends $name clients were killed, not 2"
    starts=$(count "^started: $name-.*, start [0-9]* in this place")
    [ "$starts" -eq 2 ] || fail "$starts $name clients were replaced, not 2"
done
grep -q '^killed with -9: .*; 16 locks recovered, 16 repaired$' "$out" ||
    fail "not the four locks of each were recovered and repaired"

sed -n '/^smart stop$/,$p' "$out" | sed -n 's/^ended: \([a-z]*\)-.*) /\1 /p' > "$dir/ends"
printf '%s exited with 0\n' auditor c java java java > "$dir/wanted"
sort "$dir/ends" | cmp -s - "$dir/wanted" || fail "the children did not end by themselves"

sed -n 's/^exit: //p; s/^DEBUG .* - \(d[a-z]*\) .*segment.*/\1/p' "$out" > "$dir/exit"
cat > "$dir/wanted" << 'END'
before_shmem_exit  the children have left; backends left: 0
on_shmem_exit      still attached
on_shmem_exit      lwshm's own come next: detach, then delete
detached
on_proc_exit       detached, and nobody can attach
data directory removed
END
cut -d : -f 1-2 "$dir/exit" | sed 's/attach: .*/attach/' | diff "$dir/wanted" - ||
    fail "the exit had another order"

# ---- signals ----

mkdir -m 700 "$dir/data"
for signal in INT TERM; do
    start
    kill -s "$signal" "$demo"
    if wait "$demo"; then fail "SIG$signal: it exited with success"; fi
    demo=
    [ "$(tail -n 1 "$out")" = 'demo: interrupted, segment removed' ] ||
        fail "SIG$signal: its last word is another"
    [ "$(ls "$dir/data")" = lwshm.members ] || fail "SIG$signal: it left $(ls "$dir/data")"
done

# ---- killed itself ----

start
kill -9 "$demo"
wait "$demo" 2> /dev/null || true
demo=
for child in $(sed -n 's/^started: .*(pid \([0-9]*\)).*/\1/p' "$out"); do
    while kill -0 "$child" 2> /dev/null; do sleep 0.1; done
done
examples/demo.sh --data-dir "$dir/data" --seconds 1 --kills 0 > "$out" 2>&1 ||
    fail "it cannot start again where one was killed"
[ "$(ls "$dir/data")" = lwshm.members ] || fail "after one that was killed, it left $(ls "$dir/data")"

# ---- without the undo ----

if examples/demo.sh --seconds 2 --no-undo > "$out" 2>&1; then
    fail "without the undo all was well, too"
fi
tail -n 1 "$out" | grep -q '^demo: .*different sums.*, segment removed$' ||
    fail "without the undo the sums should differ, and the segment be removed"

echo "the demo: four clients killed half-way, undone and replaced; stopped in order, interrupted," \
    "and killed; without the undo, the audit fails"
