#!/bin/sh
# Runs the JMH benchmarks on a JDK, and again on a later one if there is one: JAVA25_HOME,
# or the newest of 22 and up in the usual place.
#
#     benchmarks/on-each-jdk.sh JAVA-HOME [JMH-OPTION…]
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 1
home=$1
shift
jar=benchmarks/target/benchmarks.jar

"$home/bin/java" -jar $jar "$@" || exit 1

later=${JAVA25_HOME:-$(build/find-jdk.sh 22)}
if [ -z "$later" ]; then
    echo "bench: no JDK of 22 or later found; set JAVA25_HOME"
elif [ "$(readlink -f "$later")" != "$(readlink -f "$home")" ]; then
    # The notice on native access that JDK 24 and later print, else in each fork.
    "$later/bin/java" --enable-native-access=ALL-UNNAMED -jar $jar "$@"
fi
