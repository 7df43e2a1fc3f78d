#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the benchmarks, prints a table and writes build/bench.json. $1: a regular expression of the
# rows wanted. A row is a figure and, where there is another one to hold it against, the ratio to
# that one's value (floor). A bar is the most that the ratio may be, or the value where it has a
# unit, and with >= the least. Exit status 1 when a bar does not hold or
# a benchmark did not run.
set -euo pipefail
cd "$(dirname "$0")/../.."
wanted=${1:-} failed=0
load=$(cut -d' ' -f1 /proc/loadavg) # what others do: it must be little where many flows count
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for b in build/tests/bench/bench_* tests/bench/bench_*.sh; do
	case $b in *.o | *.d) continue ;; esac
	"$b" "$wanted" >>"$lines" || { echo "$b: failed" >&2; failed=1; }
done
jq -s --arg re "$wanted" --arg kernel "$(uname -sr)" --arg cores "$(nproc)" --arg date "$(date -uI)" --arg load "$load" \
	--arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
	'{machine: {$kernel, $cores, $cpu, $date, $load}, rows: [.[] | select(.name | test($re))]}' \
	"$lines" >build/bench.json
jq -r '.machine | "\(.kernel), \(.cores) cores, \(.cpu), \(.date), load before: \(.load)"' build/bench.json
jq -r 'def short: if . == null then "-" elif . >= 1000 then round else (. * 100 | round / 100) end;
	.rows[] | [.name, (.value | short), .unit, (.against // "-"), (.floor | short), (.ratio | short),
		(if .bar == null then "-" else (if .at_least then ">= " else "" end) + (.bar | tostring)
			+ (if .bar_of == "value" or .ratio == null then " " + (.unit | split(" ")[0]) else "" end) end),
		(if .bar == null then "" elif .holds then "holds" else "DOES NOT HOLD" end),
		(.note // "")] | map(tostring) | join("\t")' build/bench.json |
	awk -F'\t' 'BEGIN { f = "%-40s %9s %-7s %-26s %9s %7s %8s %s\n"
			printf f, "name", "value", "unit", "against", "floor", "ratio", "bar", "" }
		{ printf f, $1, $2, $3, $4, $5, $6, $7, $8 ($9 == "" ? "" : ($8 == "" ? "" : ", ") $9) }'
jq -e '.rows | length > 0 and all(.holds)' build/bench.json >/dev/null && [ $failed = 0 ]
