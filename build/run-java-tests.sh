#!/bin/bash
# Runs the Java tests of the library, the command and the benchmarks on the default JDK, and the same classes again on a
# later one if there is one: JAVA25_HOME, or the newest of 22 and up in the usual place.
#
#     build/run-java-tests.sh [MAVEN-ARGUMENT…]      e.g. -Dtest=LWLockTest
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 1

# Surefire's words only.
mvn=(mvn -B -ntp -Dstyle.color=never -f build/all/pom.xml -pl :lwshm,:lwshm-cli,:lwshm-benchmarks "$@"
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
    -Dorg.slf4j.simpleLogger.log.org.apache.maven.plugin.surefire.SurefireMojo=info
    # -Dtest= names a test of one of the three; run_tests sees that there is one.
    -Dsurefire.failIfNoSpecifiedTests=false)

run_tests() { # MAVEN-ARGUMENT…
    local log status
    log=$(mktemp)
    build/in-ipc-namespace.sh "${mvn[@]}" test "$@" | tee "$log"
    status=${PIPESTATUS[0]}
    if [ "$status" -eq 0 ] && ! grep -q 'Tests run: [1-9]' "$log"; then
        echo "run-java-tests: there is no such test" >&2
        status=1
    fi
    rm -f "$log"
    return "$status"
}

echo "== Java tests on $("$JAVA_HOME/bin/java" -version 2>&1 | head -n 1)"
run_tests || exit 1

later=${JAVA25_HOME:-$(build/find-jdk.sh 22)}
if [ -z "$later" ]; then
    echo "== Java tests on a later JDK: SKIPPED, none of 22 or later found; set JAVA25_HOME"
    exit 0
fi
echo "== Java tests on $("$later/bin/java" -version 2>&1 | head -n 1)"
run_tests -Dlwshm.test.jvm="$later/bin/java" -Dsurefire.reportNameSuffix=later-jdk
