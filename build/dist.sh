#!/bin/sh
# Makes a jar with the native libraries of both machines from one with this machine's.
#
#     build/dist.sh JAR "MAKE-COMMAND"
#
# SPDX-License-Identifier: Apache-2.0
set -eu
jar=$1
make=$2

out=target/dist
rm -rf "$out"
mkdir -p "$out/META-INF/native/linux-aarch64"
cp "$jar" "$out"
if [ "$(uname -m)" = x86_64 ]; then
    $make aarch64-jni
    cp target/native/aarch64/liblwshm-jni.so "$out/META-INF/native/linux-aarch64"
    "${JAVA_HOME:-$(dirname "$(dirname "$(realpath "$(command -v javac)")")")}/bin/jar" --update \
        --file "$out/$(basename "$jar")" -C "$out" META-INF/native
fi
rm -r "$out/META-INF"
echo "$out/$(basename "$jar"):"
unzip -l "$out/$(basename "$jar")" 2> /dev/null | grep 'liblwshm-jni.so' || jar tf "$out/$(basename "$jar")" | grep liblwshm-jni.so
