#!/bin/bash
# Checks who may know whom.
#
#     Linux ← os ← core ← include/lwshm → jni → org.lwshm.jni → org.lwshm → what builds on it
#
#     build/check-layers.sh [ROOT]      prints file:line: rule, and exits 1, for each breach
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2

breaches=0
breach() { # FILE:LINE RULE
    echo "$1: $2"
    breaches=$((breaches + 1))
}

# ---- C: every #include of a layer must be in its list ----

# Of the system, only os may see more than standard C and threads.
STANDARD='<(assert|ctype|errno|inttypes|limits|pthread|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string)\.h>'

includes() { # FILE: prints "line <header>" or "line "header""
    sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"][^>"]*[>"]).*/\1/;T;=;p' "$1" | paste -d ' ' - -
}

check_c() { # FOLDER ALLOWED RULE
    local folder=$1 allowed=$2 rule=$3 file line header
    [ -d "$folder" ] || return 0
    while read -r file; do
        while read -r line header; do
            # A neighbour in the same folder is of the same layer.
            [[ $header =~ ^\"([^/]+)\"$ && -e $(dirname "$file")/${BASH_REMATCH[1]} ]] && continue
            [[ $header =~ ^($allowed)$ ]] || breach "$file:$line" "$rule, not $header"
        done < <(includes "$file")
    done < <(find "$folder" -name '*.[ch]' | sort)
}

check_c include "\"lwshm/[a-z_]+\.h\"|<std(int|bool|def)\.h>" \
    "include/lwshm includes lwshm/ and fixed-width types"
check_c src/main/c/os "<(sys/|linux/|asm/)?[a-ik-z][a-z0-9_]*\.h>|\"os/.*\"|\"lwshm/status\.h\"" \
    "os includes the system (no jni.h), os/ and lwshm/status.h"
check_c src/main/c/core "$STANDARD|\"(core|os|lwshm)/.*\"" \
    "core includes standard C, core/, os/ and lwshm/; system calls are for os"
check_c src/main/c/jni "$STANDARD|<jni\.h>|\"(jni|lwshm)/.*\"|\"org_lwshm_jni_[A-Za-z0-9_]+\.h\"" \
    "jni includes standard C, jni.h, its generated headers, jni/ and lwshm/"
check_c examples/src/main/c "<.*>|\"lwshm/.*\"" "examples include the system and lwshm/"

# ---- Java ----

main=src/main/java/org/lwshm

# Lines of code that match, as "file:line:text"; comments are no code.
code() { # PATTERN GREP-OPTION…
    local pattern=$1
    shift
    [ -d "$main" ] || return 0
    grep -rnE "$pattern" --include='*.java' "$@" src/main/java |
        grep -vE '^[^:]+:[0-9]+:[[:space:]]*(//|/?\*)'
}

# Matches outside a folder or file pattern are breaches.
only() { # ALLOWED-FILES CODE-PATTERN RULE
    local allowed=$1 pattern=$2 rule=$3 file line
    while IFS=: read -r file line _; do
        [[ $file =~ ^($allowed)$ ]] || breach "$file:$line" "$rule"
    done < <(code "$pattern")
}

only "$main/jni/[^/]+\.java" '^[^"]*\bnative\b[^"]*\(' "native methods are declared in org.lwshm.jni"
only "$main/jni/[^/]+\.java" '\b(System|Runtime)\b.*\.load(Library)?\(' "libraries are loaded by org.lwshm.jni"
only "$main/jni/([A-Za-z]*Memory|Signals)\.java" '\b(sun\.misc\.|jdk\.internal\.|java\.lang\.foreign\b)' \
    "Unsafe and java.lang.foreign are for org.lwshm.jni's …Memory classes, Signal is for its Signals"

# Lower layers know no higher ones, but org.lwshm.jni makes the API's exceptions.
forbid() { # FILES CODE-PATTERN RULE
    local files=$1 pattern=$2 rule=$3 file line
    while IFS=: read -r file line _; do
        [[ $file =~ ^($files)$ ]] && breach "$file:$line" "$rule"
    done < <(code "$pattern")
}

forbid "$main/[^/]+\.java" '\borg\.lwshm\.(sync|postmaster|structure|monitor|cli|examples)\b' \
    "org.lwshm knows no package that builds on it"
forbid "$main/jni/[^/]+\.java" '\borg\.lwshm\.(sync|postmaster|structure|monitor|cli|examples)\b' \
    "org.lwshm.jni knows no package that builds on it"
while IFS=: read -r file line text; do
    [[ $file =~ ^$main/jni/ ]] || continue
    [[ $text =~ org\.lwshm\.[A-Z][A-Za-z]*Exception ]] ||
        breach "$file:$line" "org.lwshm.jni imports nothing of org.lwshm but its exceptions"
done < <(code '^import (static )?org\.lwshm\.([A-Z]|\*)')

[ "$breaches" -eq 0 ]
