#!/bin/sh
# Shows, step by step, how a mutant (or a model) breaks.
#
#     spec/run.sh NAME; spec/trail.sh NAME
#
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/../target/spec/$1"
model=$(basename ./*.pml .pml)
defines=$(sed 's/[^ ]*/&/g' defines)
# The shortest trail that a few seconds find.
if [ -x pan ]; then
    gcc -O1 -w -DSAFETY -DNOFAIR -DREACH -o shorten pan.c
    timeout 20 ./shorten -i -m2000 > shorten.out 2>&1 || true
fi
# shellcheck disable=SC2086
spin -t -p -g $defines "$model.pml" | grep -vE '\[(goto|break|skip|else|\(1\)|\.\(goto\))' | cut -c1-160
