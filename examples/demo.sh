#!/bin/sh
# Runs the demo that `make examples` built.  `demo.sh --help` names the options.
#
# SPDX-License-Identifier: Apache-2.0
set -eu
here=$(dirname "$0")
# The flag only silences the JDK's own notice, from 24 on; the demo tells itself what its postmaster does.
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" --enable-native-access=ALL-UNNAMED \
    -Dorg.slf4j.simpleLogger.log.org.lwshm=debug -Dorg.slf4j.simpleLogger.logFile=System.out \
    -Dorg.slf4j.simpleLogger.log.org.lwshm.postmaster=error -Dorg.slf4j.simpleLogger.showThreadName=false \
    -cp "$here/target/lwshm-examples.jar:$here/target/lib/*" \
    org.lwshm.examples.pgbench.Demo --c-client "$here/target/bin/pgbench_client" "$@"
