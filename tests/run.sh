#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs test programs and counts. Every program prints TAP: "ok ..." or "not ok ..." a line; one
# that exits non-zero without a "not ok" (a crash, a sanitizer report) counts as one failure.
#   tests/run.sh unit PROGRAM...   runs these
#   tests/run.sh vm KERNEL...       runs in these kernels
#   tests/run.sh all               runs everything of `make test`
# The last line is "N passed, N failed"; exit status 1 when anything failed.
set -u
cd "$(dirname "$0")/.." || exit 1
export CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:max_free_fill_size=65536 UBSAN_OPTIONS=print_stacktrace=1
passed=0 failed=0 failures=
out=$(mktemp)
trap 'rm -f "$out" "$out".*' EXIT

# tell_failure NAME STATUS: all it said but what went well; what did not is said again at the end.
tell_failure() {
	echo "--- $1 (exit $2)"
	grep -v '^ok ' "$out" | tail -n 120
	echo '---'
	failures+=$({ grep '^not ok ' "$out" || echo "exit status $2"; } | sed "s|^|$1: |")$'\n'
}

# count NAME STATUS SECONDS: the line of a program whose output is in $out.
count() {
	local name=$1 rc=$2 ok bad

	ok=$(grep -c '^ok ' "$out")
	bad=$(grep -c '^not ok ' "$out")
	[ "$rc" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
	[ "$rc" -eq 0 ] && [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ] && { bad=1; echo "printed no result" >>"$out"; }
	passed=$((passed + ok))
	failed=$((failed + bad))
	printf '%-6s %-44s %4d ok %3d not ok  %4d s\n' "$([ "$bad" -eq 0 ] && echo PASS || echo FAIL)" "$name" "$ok" "$bad" "$3"
	sed -n 's/^ok - verifier: /       /p; s/^# \(not ok - \)/       first try: \1/p' "$out"
	! grep -q '^# .* has a second try:$' "$out" || second_tries+=" $name"
	[ "$bad" -eq 0 ] || tell_failure "$name" "$rc"
}

# run NAME COMMAND...
run() {
	local name=$1 start=$SECONDS rc

	shift
	timeout -k 10 3000 "$@" >"$out" 2>&1
	rc=$?
	count "$name" $rc $((SECONDS - start))
}

# begin NAME COMMAND...: beside what follows; end NAME waits for it.
declare -A beside=()
begin() {
	local name=$1

	shift
	(
		start=$SECONDS
		timeout -k 10 5000 "$@" >"$out.${name//\//_}" 2>&1
		echo "$? $((SECONDS - start))" >"$out.${name//\//_}.end"
	) &
	beside[$name]=$!
}
# take NAME: its output into $out; sets rc and seconds.
take() {
	local file=$out.${1//\//_}

	wait "${beside[$1]}"
	read -r rc seconds <"$file.end"
	rm "$file.end"
	mv "$file" "$out"
}
end() {
	local rc seconds

	take "$1"
	count "$1" "$rc" "$seconds"
}

# What depends on many processes' times has a second try, alone. It decides, and the first one is
# shown all the same.
second_tries=
first_failed() {
	printf '%-6s %-44s\n' AGAIN "$1"
	grep -v '^ok ' "$out" | tail -n 60
	second_tries+=" $1"
}
# twice NAME COMMAND...
twice() {
	local name=$1 start=$SECONDS

	shift
	if timeout -k 10 3000 "$@" >"$out" 2>&1; then
		count "$name" 0 $((SECONDS - start))
	else
		first_failed "$name"
		run "$name" "$@"
	fi
}

# san COMMAND TEST: run, begin or twice, with sanitizers.
san() { "$1" "san/${2#tests/}" env WEIR_BIN=build/san bash "$2"; }

# in_pairs TEST...: two at a time, since most of a test is waiting.
in_pairs() {
	local t name rc seconds queue=() again=()

	for t in "$@" ''; do
		while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
		[ -z "$t" ] || { san begin "$t" && queue+=("$t"); }
		while [ ${#queue[@]} -gt 0 ]; do
			name=san/${queue[0]#tests/}
			[ -z "$t" ] || [ -e "$out.${name//\//_}.end" ] || break
			take "$name"
			if [ "$rc" = 0 ]; then
				count "$name" 0 "$seconds"
			else
				first_failed "$name"
				again+=("${queue[0]}")
			fi
			queue=("${queue[@]:1}")
		done
	done
	for t in "${again[@]}"; do san run "$t"; done
}

# check NAME COMMAND...: a command whose exit status is the result.
check() {
	local name=$1
	shift
	# shellcheck disable=SC2016
	run "$name" bash -c 'if "$@"; then echo "ok - passed"; else echo "not ok - exit $?"; exit 1; fi' _ "$@"
}

case ${1:-all} in
unit)
	shift
	for t in "$@"; do run "${t#build/}" "$t"; done
	;;
vm)
	shift
	for k in "$@"; do run "vm/$k" tests/vm/run.sh "$k"; done
	;;
all)
	# Emulated, so on one CPU: beside what is on one CPU, too, and asks for no times.
	begin vm/6.1 tests/vm/run.sh 6.1
	check layering tests/layering.sh
	check format make -s fmt-check
	check readme tests/readme.sh
	for t in build/tests/unit/*/test_* build/san/tests/unit/*/test_* \
		build/tests/bpf/test_* build/tests/dataplane/test_* build/san/tests/dataplane/test_*; do
		case $t in *.o | *.d | *\*) continue ;; esac
		run "${t#build/}" "$t"
	done
	for f in build/fuzz/fuzz_*; do
		check "${f#build/}" timeout 120 tests/fuzz/run.sh "$f" "${FUZZ_SECONDS:-20}"
	done
	run vm/short tests/vm/short.sh 5.10 7
	end vm/6.1
	run vm/verifier build/tests/vm/verifier
	for t in build/tests/probe/test_* build/san/tests/probe/test_* build/tests/sign/test_* build/san/tests/sign/test_* \
		build/tests/store/test_* build/san/tests/store/test_* build/tests/alert/test_* build/san/tests/alert/test_*; do
		case $t in *.o | *.d | *\*) continue ;; esac
		run "${t#build/}" "$t"
	done
	# With sanitizers; and as they are installed where the load is what is tested.
	# shellcheck disable=SC2046
	in_pairs $(ls tests/net/test_*.sh | grep -v flood)
	for t in tests/net/test_*flood.sh; do san twice "$t"; done
	for t in changes failover flood live restarts; do twice "net/test_$t.sh" bash "tests/net/test_$t.sh"; done
	;;
esac
printf %s "$failures"
[ -z "$second_tries" ] || echo "passed or failed at a second try:$second_tries"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
