#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the benchmarks, prints a table and writes build/bench.json. $1: a regular expression of the
# rows wanted. A bar is the most that the ratio may be or, in rows without a ratio, the value. Exit
# status 1 when a bar does not hold.
set -euo pipefail
cd "$(dirname "$0")/../.."
wanted=${1:-}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for b in build/tests/bench/bench_*; do
	case $b in *.o | *.d) continue ;; esac
	"$b" "$wanted" >>"$lines"
done
jq -s --arg re "$wanted" '[.[] | select(.name | test($re))]' "$lines" >build/bench.json
{
	echo "$(uname -sr), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	jq -r '.[] | [.name, .value, .unit, (.floor // "-"), (.ratio // "-"), (.bar // "-"),
		(if .bar == null then "" elif .holds then "holds" else "DOES NOT HOLD" end)] | @tsv' \
		build/bench.json |
		awk -F'\t' 'BEGIN { printf "%-34s %10s %-7s %10s %8s  %-12s\n", "name", "value", "unit", "floor", "ratio", "bar" }
			{ printf "%-34s %10s %-7s %10s %8s  %-12s %s\n", $1, $2, $3, $4, $5, $6, $7 }'
}
jq -e 'length > 0 and all(.holds)' build/bench.json >/dev/null
