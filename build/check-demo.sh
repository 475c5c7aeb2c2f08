#!/bin/sh
# The demo does what it says: clients that are killed in the middle of a transaction leave
# the books right, and it is the undo that sees to it.
#
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."

out=$(mktemp)
trap 'rm -f "$out"' EXIT
trap 'exit 1' INT TERM

fail() {
    cat "$out" >&2
    echo "check-demo: $*" >&2
    exit 1
}

# ---- three kills, each half-way ----

examples/demo.sh --seconds 2 --kills 3 > "$out" 2>&1 || fail "the demo failed"
tail -n 1 "$out" | grep -qx 'demo: consistent, [0-9]* transactions, segment removed' ||
    fail "the demo's last word is another"
kills=$(grep -c '^kill -9: .* account and teller changed, branch and history not' "$out") || true
[ "$kills" -eq 3 ] || fail "$kills kills came half-way, not 3"
grep -q '^killed with -9: .*; 12 locks recovered, 12 repaired$' "$out" ||
    fail "not the four locks of each were recovered and repaired"

# ---- the same without the undo ----

if examples/demo.sh --seconds 2 --no-undo > "$out" 2>&1; then
    fail "without the undo all was well, too"
fi
tail -n 1 "$out" | grep -q '^demo: .*different sums.*, segment removed$' ||
    fail "without the undo the sums should differ, and the segment be removed"

echo "the demo: three clients killed half-way and undone; without the undo, the audit fails"
