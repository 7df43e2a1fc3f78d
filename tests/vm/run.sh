#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh KERNEL [short] - the selftests inside a Debian kernel (6.1, ...), TAP on standard output;
# short: without the scenarios. Software emulation: needs no /dev/kvm. Fails when the guest did not
# come to its end. Again, once, only when the kernel panicked. VM_SECONDS: the limit (2400).
set -u
cd "$(dirname "$0")/../.." || exit 1
kernel=$1 scope=${2:-all}
mkdir -p "build/vm/$kernel"
exec 9>"build/vm/$kernel/lock" && flock 9 # one at a time
if ! dir=$(tests/vm/kernel.sh "$kernel") || ! tests/vm/initramfs.sh "$kernel"; then
	echo "not ok - Linux $kernel is fetched and packed"
	exit 1
fi
console=$dir/console
machine=
trap '[ -z "$machine" ] || kill "$machine"; exit 143' INT TERM HUP

boot() {
	# cx16 makes some kernels crash under emulation; microvm hangs.
	timeout -k 5 "${VM_SECONDS:-2400}" qemu-system-x86_64 -M pc -accel tcg -cpu max,-cx16 -smp 1 \
		-m 1024 -nodefaults -no-reboot -display none -serial "file:$console.raw" \
		-kernel "$dir/vmlinuz" -initrd "$dir/initramfs" \
		-append "console=ttyS0 panic=-1 loglevel=2 WEIR_VM=$scope" </dev/null 9>&- &
	machine=$!
	wait "$machine"
	machine=
	tr -d '\r' <"$console.raw" >"$console"
}

boot
if grep -q 'Kernel panic' "$console"; then
	echo "# the kernel panicked, again:"
	grep -B 12 'Kernel panic' "$console" | sed 's/^/# /'
	boot
fi
grep -E '^(ok|not ok|#) ' "$console"
if ! grep -q '^vm: finished' "$console"; then
	echo "not ok - Linux $kernel comes to the end of its tests"
	tail -n 40 "$console" | grep -vE '^(ok|not ok) ' | sed 's/^/# /'
	exit 1
fi
echo "# $(grep '^vm: finished' "$console")"
! grep -q '^not ok ' "$console"
