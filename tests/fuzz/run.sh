#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs a libFuzzer binary for some seconds:  tests/fuzz/run.sh build/fuzz/fuzz_NAME SECONDS
# It starts from tests/fuzz/corpus/NAME and knows the words of tests/fuzz/corpus/NAME.dict. Exit
# status: that of the fuzzer, 2 for a bad call. What it finds stays out of the tree, but an input
# that crashed it is kept and named.
set -u
[ $# -eq 2 ] && [ -x "$1" ] || { echo "usage: $0 FUZZER SECONDS" >&2; exit 2; }
fuzzer=$(realpath "$1")
name=${fuzzer##*/}
name=${name#fuzz_}
cd "$(dirname "$0")/../.." || exit 2
mkdir -p build/fuzz
work=$(mktemp -d "build/fuzz/$name.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/corpus"
[ ! -d "tests/fuzz/corpus/$name" ] || cp -r "tests/fuzz/corpus/$name/." "$work/corpus"
dict=tests/fuzz/corpus/$name.dict
[ ! -f "$dict" ] || set -- "$@" -dict="$dict"
seconds=$2
shift 2
"$fuzzer" "$@" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
	-artifact_prefix="$work/" -print_final_stats=1 "$work/corpus" >"$work/log" 2>&1
status=$?
if [ $status -eq 0 ]; then
	grep -E 'number_of_executed_units|average_exec_per_sec' "$work/log"
else
	tail -n 60 "$work/log"
	for found in "$work"/crash-* "$work"/leak-* "$work"/timeout-* "$work"/oom-*; do
		[ -e "$found" ] && mv "$found" build/fuzz/ && echo "input: build/fuzz/${found##*/}"
	done
fi
exit $status
