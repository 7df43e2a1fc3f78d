#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# short.sh KERNEL... - short runs (run.sh KERNEL short) side by side; their TAP one after the other.
set -u
cd "$(dirname "$0")/../.." || exit 1
pids=() rc=0
trap 'kill "${pids[@]}"; exit 143' INT TERM HUP
mkdir -p build/vm
for kernel; do
	tests/vm/run.sh "$kernel" short >"build/vm/$kernel.short" 2>&1 &
	pids+=($!)
done
for kernel; do
	wait "${pids[0]}" || rc=1
	pids=("${pids[@]:1}")
	cat "build/vm/$kernel.short"
done
exit $rc
