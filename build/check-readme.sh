#!/bin/sh
# The examples in README.md are the ones that are compiled, and they do what it says.
#
# In README.md a line
#     <!-- examples/src/main/c/counter.c -->
# stands before the code block that shows what is between the lines `// tag::readme` and
# `// end::readme` of that file, less its common indentation.
#
#     build/check-readme.sh           compare, and run what `make examples` built
#     build/check-readme.sh update    write the blocks anew
#
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."

java_example=examples/src/main/java/org/lwshm/examples/Counter.java
c_example=examples/src/main/c/counter.c

dir=$(mktemp -d)
counter=
trap '[ -z "$counter" ] || kill "$counter"; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

fail() {
    echo "check-readme: $*" >&2
    exit 1
}

# The marked region of a file, its first line's indentation taken off every line.
region() {
    awk '/^ *\/\/ end::readme/ { inside = 0 }
         inside {
             if (!started) { match($0, /^ */); indent = RLENGTH; started = 1 }
             print /^ *$/ ? "" : substr($0, indent + 1)
         }
         /^ *\/\/ tag::readme/ { inside = 1 }' "$1"
}

# The code block that README.md shows for a file.
block() {
    awk -v mark="<!-- $1 -->" '
        /^```/ && inside { exit }
        inside { print }
        /^```/ && marked { inside = 1 }
        { if (!inside && $0 != "") marked = ($0 == mark) }' README.md
}

# README.md with the block of a file replaced by what stands in $2.
replace() {
    awk -v mark="<!-- $1 -->" -v text="$2" '
        /^```/ && inside { inside = 0 }
        !inside { print }
        /^```/ && marked { inside = 1; while ((getline line < text) > 0) print line }
        { if ($0 != "") marked = ($0 == mark) }' README.md
}

for example in $java_example $c_example; do
    region "$example" > "$dir/region"
    [ -s "$dir/region" ] || fail "$example has no region // tag::readme … // end::readme"
    if [ "${1:-}" = update ]; then
        replace "$example" "$dir/region" > "$dir/readme"
        cat "$dir/readme" > README.md
    fi
    block "$example" > "$dir/block"
    diff -u --label README.md --label "$example" "$dir/block" "$dir/region" ||
        fail "README.md does not show what is in $example; build/check-readme.sh update mends it"
done
[ "${1:-}" != update ] || exit 0

# ---- both count, in one segment ----

[ -x examples/target/bin/counter ] || fail "make examples comes first"
mkdir -m 700 "$dir/data"
mkfifo "$dir/enter"
"${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "examples/target/lwshm-examples.jar:examples/target/lib/*" \
    org.lwshm.examples.Counter "$dir/data" < "$dir/enter" > "$dir/java" 2> "$dir/errors" &
counter=$!
exec 3> "$dir/enter"
until grep -q 'press Enter' "$dir/java"; do
    kill -0 "$counter" 2> /dev/null || fail "the Java example: $(cat "$dir/java" "$dir/errors")"
    sleep 0.05
done
examples/target/bin/counter "$dir/data" > "$dir/c" || fail "the C example failed"
echo >&3
wait "$counter" || fail "the Java example: $(cat "$dir/java" "$dir/errors")"
counter=

grep -qx 'C counts to 2\.' "$dir/c" || fail "the C example said: $(cat "$dir/c")"
grep -qx 'In the end it is 2\.' "$dir/java" || fail "the Java example said: $(cat "$dir/java")"
if examples/target/bin/counter "$dir/data" > /dev/null 2>&1; then
    fail "the Java example has left its segment behind"
fi
echo "README.md's examples: as shown, and they run"
