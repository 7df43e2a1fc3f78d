#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# initramfs.sh KERNEL - packs build/vm/KERNEL/initramfs: the guest's whole file system. The tree lies
# in it as it does here (/weir/build, /weir/tests), so that tests find what they look for.
set -eu
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin:/sbin
dir=build/vm/$1
root=$dir/initramfs.root
lib=/usr/lib/$(uname -m)-linux-gnu

rm -rf "${root:?}"
mkdir -p "$root"/{bin,etc,dev,proc,sys,tmp,run,root,var/log/nginx,var/lib/nginx,weir/build/tests/{bpf,net,vm},weir/tests,lib/modules}
cp tests/vm/init "$root/init"
cp /bin/busybox "$root/bin/"
printf 'root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\nwww-data:x:33:33::/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\nwww-data:x:33:\n' >"$root/etc/group"
echo '127.0.0.1 localhost' >"$root/etc/hosts"

# Programs, and below the libraries they need.
programs=()
for name in bash ip ethtool bpftool xdp-loader jq curl nginx nsenter mountpoint; do
	programs+=("$(command -v "$name")")
done
cp -L "${programs[@]}" "$root/bin/"
ln -s bash "$root/bin/sh"
for name in weir-agent weirctl weir-decap weirload; do
	strip -g -o "$root/weir/build/$name" "build/$name"
	programs+=("build/$name")
done
for test in build/tests/bpf/test_* build/tests/vm/verifier; do
	case $test in *.o | *.d) continue ;; esac
	strip -g -o "$root/weir/$test" "$test"
	programs+=("$test")
done
cp build/tests/net/xdp_*.bpf.o "$root/weir/build/tests/net/"
cp build/tests/vm/*.bpf.o "$root/weir/build/tests/vm/"
cp -r tests/net tests/vm "$root/weir/tests/"
# A program that is linked statically has no libraries: ldd says so by its status.
{ ldd "${programs[@]}" || true; } | sed -nE 's/.*(=> |^\t)(\/[^ ]+) \(0x.*/\2/p' | sort -u |
	while read -r file; do install -D "$file" "$root$file"; done
mkdir -p "$root$lib/bpf"
cp "$lib"/bpf/xdp-dispatcher.o "$root$lib/bpf/"

# Modules, with what they depend on.
release=$(ls "$dir/lib/modules")
for name in veth bridge bonding ipip sit ip6_tunnel fou; do
	modprobe --show-depends --ignore-install -d "$dir" -S "$release" "$name" || exit 1
done 2>&1 | sed -nE 's/^insmod ([^ ]+).*/\1/p' | sort -u | while read -r file; do
	install -D -m 644 "$file" "$root/lib/modules/${file#*/lib/modules/}"
done
cp "$dir/lib/modules/$release"/modules.{builtin,order}* "$root/lib/modules/$release/"
depmod -b "$root" "$release"

(cd "$root" && find . -print0 | cpio --null --quiet -o -H newc -R 0:0) >"$dir/initramfs"
rm -rf "${root:?}"
