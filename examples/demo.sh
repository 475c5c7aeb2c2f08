#!/bin/sh
# Runs the demo that `make examples` built.  Options: --clients, --seconds, --scale.
#
# SPDX-License-Identifier: Apache-2.0
set -eu
here=$(dirname "$0")
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$here/target/lwshm-examples.jar:$here/target/lib/*" \
    org.lwshm.examples.Demo "$@"
