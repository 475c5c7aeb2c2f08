#!/bin/bash
# Proves that check-layers.sh can fail: plants one breach of each rule in a copy of the
# tree, and expects it to be named with its line.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 2
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
failed=0

# Plants LINE as FILE and expects a breach there that mentions RULE.
plant() { # FILE LINE RULE
    rm -rf "${copy:?}"/*
    cp -r --parents include src/main "$copy"
    mkdir -p "$(dirname "$copy/$1")"
    printf '\n%s\n' "$2" > "$copy/$1"
    if ! build/check-layers.sh "$copy" | grep -F "$1:2: " | grep -qF "$3"; then
        echo "check-layers.sh did not see \"$2\" in $1"
        failed=1
    fi
}

# Plants LINE as FILE and expects it to pass.
let_pass() { # FILE LINE
    rm -rf "${copy:?}"/*
    cp -r --parents include src/main "$copy"
    mkdir -p "$(dirname "$copy/$1")"
    printf '\n%s\n' "$2" > "$copy/$1"
    if build/check-layers.sh "$copy" | grep -F "$1:"; then
        echo "check-layers.sh refused \"$2\" in $1"
        failed=1
    fi
}

plant include/lwshm/planted.h '#include "core/layout.h"' "include/lwshm includes"
plant include/lwshm/planted.h '#include <sys/shm.h>' "include/lwshm includes"
plant src/main/c/os/planted.c '#include "core/layout.h"' "os includes"
plant src/main/c/os/planted.c '#include "lwshm/segment.h"' "os includes"
plant src/main/c/os/planted.c '#include <jni.h>' "os includes"
plant src/main/c/core/planted.c '#include <sys/mman.h>' "core includes"
plant src/main/c/core/planted.c '#include <linux/futex.h>' "core includes"
plant src/main/c/core/planted.c '#  include <fcntl.h>' "core includes"
plant src/main/c/core/planted.c '#include <jni.h>' "core includes"
plant src/main/c/core/planted.c '#include "jni/jni_support.h"' "core includes"
plant src/main/c/jni/planted.c '#include "core/layout.h"' "jni includes"
plant src/main/c/jni/planted.c '#include "os/futex.h"' "jni includes"
plant src/main/c/jni/planted.c '#include <sys/shm.h>' "jni includes"
plant examples/src/main/c/planted.c '#include "core/layout.h"' "examples include"

java=src/main/java/org/lwshm
plant $java/Planted.java '    private static native int acquire(long backend);' "native methods"
plant $java/Planted.java '        System.loadLibrary("lwshm");' "loaded by org.lwshm.jni"
plant $java/Planted.java 'import sun.misc.Unsafe;' "Unsafe"
plant $java/Planted.java 'import sun.misc.Signal;' "Signal is for"
plant $java/jni/Planted.java 'import sun.misc.Signal;' "Signal is for"
plant $java/jni/Planted.java 'import java.lang.foreign.MemorySegment;' "Unsafe"
plant $java/Planted.java 'import org.lwshm.postmaster.Postmaster;' "org.lwshm knows no package"
plant $java/Planted.java 'import static org.lwshm.monitor.Locks.all;' "org.lwshm knows no package"
plant $java/Planted.java 'import org.lwshm.sync.Semaphore;' "org.lwshm knows no package"
plant $java/jni/Planted.java 'import org.lwshm.structure.SharedMap;' "org.lwshm.jni knows no package"
plant $java/jni/Planted.java 'import org.lwshm.Segment;' "nothing of org.lwshm but its exceptions"

let_pass src/main/c/os/planted.c '#include <sys/shm.h>'
let_pass src/main/c/core/planted.c '#include "os/futex.h"'
let_pass src/main/c/jni/planted.c '#include "lwshm/segment.h"'
let_pass $java/jni/Planted.java 'import org.lwshm.SegmentInUseException;'
let_pass $java/Planted.java ' * The native library (see {@code native int acquire(long)}) is loaded by itself.'

exit $failed
