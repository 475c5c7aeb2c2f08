#!/bin/sh
# Sees to it that the tools of a job are there.
#
#     build/setup.sh run        what `make`, `make demo` and `make test` need
#     build/setup.sh dist       and the cross-compiler for aarch64
#     build/setup.sh check      and everything else that `make check` needs
#     build/setup.sh spec       what `make spec` needs, and no more
#     build/setup.sh postgres   what `make bench-postgres` needs besides
#
# As root on Debian it installs what lacks; otherwise it says what to install.
#
# SPDX-License-Identifier: Apache-2.0
set -u
job=${1:-run}
lacking=""
packages=""

# need TOOL PACKAGE…: the packages that bring a tool, if it is not there.
need() {
    tool=$1
    shift
    command -v "$tool" > /dev/null 2>&1 && return
    lack "$tool" "$@"
}

lack() {
    lacking="$lacking $1"
    shift
    packages="$packages $*"
}

# The feature number of a JDK's javac, 0 if there is none.
javac_release() {
    version=$("$1" -version 2>&1) || version=0
    echo "$version" | sed -e 's/^javac //' -e 's/^1\.//' -e 's/[^0-9].*//' -e 's/^$/0/'
}

need_c_compiler() {
    need gcc gcc libc6-dev
    # A compiler without the C library's headers is not enough.
    if command -v gcc > /dev/null 2>&1 && ! echo '#include <stdio.h>' | gcc -fsyntax-only -x c - 2> /dev/null; then
        lack "C headers" libc6-dev
    fi
}

find_lacking() {
    lacking=""
    packages=""
    if [ "$job" = spec ]; then
        need spin spin
        need_c_compiler
        return
    fi
    # A JDK, not the JRE that Maven's package brings.
    release=$(javac_release "${JAVA_HOME:+$JAVA_HOME/bin/}javac")
    if [ "$release" -lt 17 ]; then
        if [ "$release" -gt 0 ] || [ -n "${JAVA_HOME:-}" ]; then
            echo "setup: JDK 17 or later is needed; ${JAVA_HOME:-javac on the PATH} is $release" >&2
        fi
        jdk=openjdk-17-jdk-headless
        apt-cache show "$jdk" > /dev/null 2>&1 || jdk=default-jdk-headless
        lack "javac(17+)" "$jdk"
    fi
    need mvn maven
    need_c_compiler
    need ar binutils
    need make make
    need unshare util-linux
    need ipcs util-linux
    case $job in dist | check)
        need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
        ;;
    esac
    case $job in check)
        need clang clang
        need clang-format clang-format
        need pkg-config pkg-config
        need g++ g++
        [ "$(uname -m)" = aarch64 ] || need qemu-aarch64-static qemu-user-static
        ;;
    esac
    case $job in postgres)
        need setpriv util-linux
        "$(dirname "$0")/find-postgres.sh" > /dev/null 2>&1 ||
            lack "PostgreSQL 15 and its server's headers" postgresql-15 postgresql-server-dev-15
        ;;
    esac
    packages=$(echo "$packages" | tr ' ' '\n' | sort -u | tr '\n' ' ')
}

find_lacking
[ -n "$lacking" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null 2>&1; then
    echo "setup: installing what lacks:$lacking"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # An old package list may know of nothing, or of packages that are gone.
    # shellcheck disable=SC2086
    if apt-get update > "$log" 2>&1 && find_lacking &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages > "$log" 2>&1; then
        hash -r
        find_lacking
        [ -n "$lacking" ] || exit 0
        echo "setup: still lacking after the installation:$lacking" >&2
    else
        echo "setup: apt-get failed:" >&2
        tail -n 20 "$log" >&2
    fi
fi

echo "setup: lacking:$lacking" >&2
echo "setup: on Debian or Ubuntu, install with:" >&2
echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$packages" >&2
exit 1
