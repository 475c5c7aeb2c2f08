#!/bin/sh
# Prints the home of the newest JDK of release FROM or later, or nothing.
#
#     build/find-jdk.sh FROM
#
# SPDX-License-Identifier: Apache-2.0
for home in /usr/lib/jvm/*; do
    [ -x "$home/bin/java" ] && [ ! -L "$home" ] && [ -r "$home/release" ] || continue
    release=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release")
    [ "${release:-0}" -ge "$1" ] && echo "$release $home"
done | sort -n | tail -n 1 | cut -d ' ' -f 2
