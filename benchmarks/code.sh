#!/bin/sh
# Prints the commit that a benchmark measures, with a + if what is measured differs from it.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/.." || exit 1
commit=$(git rev-parse --short HEAD 2> /dev/null) || { echo unknown; exit; }
git diff --quiet HEAD -- include src benchmarks/src && echo "$commit" || echo "$commit+"
