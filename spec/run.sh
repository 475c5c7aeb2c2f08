#!/bin/bash
# Checks the models: every configuration must hold, every mutant must be caught for the
# reason that its table names.
#
#     spec/run.sh [--full] [NAME…]     all of the quick set, all of both, or these alone
#
# The tables are spec/configurations and spec/mutants.  JOBS= (default: processors) runs
# at once, MEMORY= megabytes each at most (default 2000; with --full 6000).  What spin, the
# compiler and the search said stays in target/spec/NAME/; a caught mutant's trail there is
# shown by spec/trail.sh NAME.
#
# Last line: "spec: N models hold, M of M mutants caught"; exit status 1 if any did not.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 1
here=$PWD
out=$here/target/spec
DEPTH=${DEPTH:-8000000}

# verify NAME MODEL OPTIMIZATION HASH "DEFINES": sets verdict (holds, I1…, or what went
# wrong), states, depth, seconds of processor time
verify() {
    local dir=$out/$1 model=$2 defines=()
    states=- depth=- seconds=-
    for define in $5; do defines+=("-D$define"); done
    rm -rf "$dir"
    mkdir -p "$dir" || exit 1
    cp "$here/spec/$model.pml" "$dir" && cd "$dir" || exit 1
    [ ! -d "$here/spec/$model" ] || ln -s "$here/spec/$model" . || exit 1
    echo "${defines[*]}" > defines
    if ! spin -a "${defines[@]}" "$model.pml" > spin.out 2>&1 || grep -q Error spin.out; then
        verdict="spin refuses the model: $(grep -m 1 Error spin.out)"
        return
    fi
    if ! gcc "$3" -w -DSAFETY -DNOFAIR -DCOLLAPSE "-DMEMLIM=$MEMORY" -o pan pan.c > gcc.out 2>&1; then
        verdict="gcc refuses pan.c"
        return
    fi
    TIMEFORMAT='%U'
    { time ./pan "-m$DEPTH" "-w$4" > pan.out 2> pan.err; } 2> time.out
    seconds=$(tail -n 1 time.out)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out)
    depth=$(sed -n 's/.*depth reached \([0-9]*\), errors.*/\1/p' pan.out)
    classify
    [ "$verdict" = holds ] && rm -f pan pan.[bcmpth]
}

# Only a search that went through holds; only a named assertion is caught.
classify() {
    local named
    named=$(sed -n 's/^pan:[0-9]*: assertion violated .*||\([A-Z][0-9]\)) (at depth.*/\1/p' pan.out)
    if [ -n "$named" ]; then
        verdict=$named
    elif grep -q 'assertion violated' pan.out; then
        verdict="an assertion without a name"
    elif grep -q 'invalid end state' pan.out && ! grep -q 'errors: 0$' pan.out; then
        verdict="invalid end state"
    elif grep -q 'max search depth too small' pan.out; then
        verdict="search too deep, not finished"
    elif grep -qE 'out of memory|memory.* exceeded|MEMLIM' pan.out pan.err; then
        verdict="out of memory, not finished"
    elif grep -q 'errors: 0$' pan.out && ! grep -q 'Warning: Search not completed' pan.out && [ ! -s pan.err ]; then
        verdict=holds
    else
        verdict="no result: $(cat pan.err pan.out | grep -m 1 .)"
    fi
}

line() { # RESULT NAME TEXT
    printf '%-7s %-34s %10s states  depth %7s %6s s  %s\n' "$1" "$2" "$states" "$depth" "$seconds" "$3"
}

configuration() { # NAME: its line of the table, into model, set, expected and defines
    read -r _ set model expected defines < <(grep -E "^$1 " spec/configurations)
}

run_configuration() { # NAME
    configuration "$1"
    # The optimizer takes longer than it saves, unless the search is long.
    local optimization=-O2
    [ "$expected" -gt 3000000 ] || optimization=-O0
    verify "$1" "$model" $optimization 24 "$defines"
    local remark=
    [ "$verdict" = holds ] || remark=$verdict
    [ "$verdict" != holds ] || [ "$states" = "$expected" ] || remark="(the table says $expected)"
    if [ "$verdict" = holds ]; then line holds "$1" "$remark"; else line FAILS "$1" "$remark"; fi
}

run_mutant() { # NAME
    local name configuration wanted text
    read -r name configuration wanted text < <(grep -E "^$1 " spec/mutants)
    configuration "$configuration"
    # Most are caught at once: do not wait for the optimizer.
    local optimization=-O0
    [ "$wanted" = holds ] && optimization=-O2
    verify "$name" "$model" $optimization 22 "$defines M_$name"
    if [ "$wanted" = holds ] && [ "$verdict" = holds ]; then
        line unneeded "$name" "$text"
    elif [ "$wanted" != holds ] && [ "$verdict" = "$wanted" ]; then
        line caught "$name" "$wanted: $text"
    else
        line MISSED "$name" "$verdict, and not $wanted: $text"
    fi
}

names() { # TABLE [SET]: the first words of its lines
    awk -v set="${2:-}" '/^[A-Za-z]/ && (set == "" || $2 == set) { print $1 }' "spec/$1"
}

if [ "${1:-}" = --one ]; then
    if grep -qE "^$2 " spec/configurations; then run_configuration "$2"; else run_mutant "$2"; fi
    exit
fi

sets=quick
MEMORY=${MEMORY:-2000}
if [ "${1:-}" = --full ]; then
    shift
    sets=
    MEMORY=6000
fi
export MEMORY
results=$(mktemp) || exit 1
trap 'rm -f "$results"' EXIT
if [ $# -gt 0 ]; then
    printf '%s\n' "$@"
else
    names configurations $sets
    names mutants
fi > "$results.names"
# The long ones come first in the table, so that no processor idles at the end.
xargs -a "$results.names" -P "${JOBS:-$(nproc)}" -n 1 spec/run.sh --one | tee "$results"

count() { grep -c "^$1 " "$results"; }
total=$(wc -l < "$results.names")
rm -f "$results.names"
holding=$(count holds)
caught=$(count caught)
unneeded=$(count unneeded)
missed=$(count MISSED)
failing=$(count FAILS)
[ "$unneeded" -eq 0 ] || echo "spec: $unneeded lines are not needed for any invariant (spec/README.md says why they stay)"
lost=$((total - holding - caught - unneeded - missed - failing))
[ "$lost" -eq 0 ] || echo "spec: $lost runs ended without a result"
echo "spec: $holding models hold, $caught of $((caught + missed)) mutants caught"
[ $((failing + missed + lost)) -eq 0 ] && [ "$holding$caught" != 00 ]
