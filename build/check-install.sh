#!/bin/sh
# Installs the C library into a folder of its own, and builds and runs a program against
# it the way its users do, with what pkg-config says.
#
#     build/check-install.sh "MAKE-COMMAND"
#
# SPDX-License-Identifier: Apache-2.0
set -eu
make=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

$make install PREFIX=/opt/lwshm DESTDIR="$root/staged" > "$root/log"
$make install PREFIX="$root/lwshm" >> "$root/log"
# DESTDIR moves the files, not the paths in them.
grep -q '^libdir=/opt/lwshm/lib$' "$root/staged/opt/lwshm/lib/pkgconfig/lwshm.pc"

export PKG_CONFIG_PATH="$root/lwshm/lib/pkgconfig"
cat > "$root/user.c" << 'C'
#include <lwshm/lwshm.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    printf("%s\n", lwshm_version());
    return strcmp(lwshm_version(), LWSHM_VERSION) != 0 || lwshm_abi_version() != LWSHM_ABI_VERSION;
}
C
# shellcheck disable=SC2046
gcc "$root/user.c" $(pkg-config --cflags --libs lwshm) -o "$root/shared"
LD_LIBRARY_PATH="$root/lwshm/lib" "$root/shared" > "$root/version"
# shellcheck disable=SC2046
gcc "$root/user.c" $(pkg-config --cflags lwshm) "$root/lwshm/lib/liblwshm.a" -pthread -o "$root/static"
"$root/static" > /dev/null
[ "$(pkg-config --modversion lwshm)" = "$(cat "$root/version")" ]

# The program asks for the soname, and sees only the public API.
readelf -d "$root/shared" | grep -q 'NEEDED.*\[liblwshm\.so\.[0-9]*\]'
hidden=$(nm -D --defined-only "$root/lwshm/lib/liblwshm.so" | awk '$3 !~ /^lwshm_/ { print $3 }')
if [ -n "$hidden" ]; then
    echo "liblwshm.so shows what is not public: $hidden"
    exit 1
fi
