#!/bin/sh
# Prints the folder of PostgreSQL's programs, among them those of its server and pg_config
# with the server's headers: that of POSTGRES_BIN, or release 15's in the usual place.
#
# SPDX-License-Identifier: Apache-2.0
bin=${POSTGRES_BIN:-/usr/lib/postgresql/15/bin}
if [ -x "$bin/initdb" ] && [ -x "$bin/pg_config" ] &&
    [ -r "$("$bin/pg_config" --includedir-server)/storage/lwlock.h" ]; then
    echo "$bin"
else
    echo "no PostgreSQL server with its headers in $bin; set POSTGRES_BIN" >&2
    exit 1
fi
