#!/bin/bash
# Runs a command beside a throw-away PostgreSQL cluster that has lwlock_benchmark in it,
# and leaves nothing of the cluster whichever way that ends.
#
#     benchmarks/with-postgres.sh COMMAND…
#
# The command finds PGHOST, PGUSER, PGDATABASE and LWSHM_PSQL in its environment.
#
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."

bin=$(build/find-postgres.sh) || exit 1
sources=$PWD/benchmarks/src/main/postgres
# Short, for the socket's path in it may have 107 bytes.
home=$(mktemp -d "${TMPDIR:-/tmp}/lwshm-pg.XXXXXX")

# PostgreSQL refuses root.
as_owner=()
if [ "$(id -u)" -eq 0 ]; then
    owner=nobody
    id postgres > /dev/null 2>&1 && owner=postgres
    as_owner=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --clear-groups)
    chown "$owner" "$home"
fi
# In the cluster's folder: the owner may not enter ours.
owned() {
    (cd "$home" && HOME=$home LC_ALL=C "${as_owner[@]}" "$@")
}

clean_up() {
    [ ! -s "$home/data/postmaster.pid" ] ||
        owned "$bin/pg_ctl" -D "$home/data" -m immediate -s stop > /dev/null 2>&1 || true
    rm -rf "$home"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir "$home/module"
make -s -C "$home/module" -f "$sources/Makefile" "VPATH=$sources" "PG_CONFIG=$bin/pg_config" with_llvm=no
chmod 711 "$home"
chmod -R a+rX "$home/module"

owned "$bin/initdb" -D "$home/data" -U benchmark --auth=trust --no-sync > "$home/initdb.log" 2>&1 ||
    { cat "$home/initdb.log" >&2; exit 1; }
owned tee -a "$home/data/postgresql.conf" > /dev/null <<END
listen_addresses = ''
unix_socket_directories = '$home'
shared_preload_libraries = '$home/module/lwlock_benchmark'
max_connections = 40
shared_buffers = 16MB
fsync = off
autovacuum = off
END
owned "$bin/pg_ctl" -D "$home/data" -l "$home/server.log" -s -w start > /dev/null ||
    { cat "$home/server.log" >&2; exit 1; }

export PGHOST=$home PGUSER=benchmark PGDATABASE=postgres LWSHM_PSQL=$bin/psql
"$bin/psql" -qX -v ON_ERROR_STOP=1 -c "CREATE FUNCTION lwlock_benchmark(text, bigint, bigint, bigint, bigint, bigint)
    RETURNS text AS '$home/module/lwlock_benchmark' LANGUAGE C STRICT"
"$@"
