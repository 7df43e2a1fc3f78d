#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel.sh KERNEL - a Debian kernel, fetched once: build/vm/KERNEL/{vmlinuz,lib/modules}, whose
# folder is printed. apt works in a folder of the build's own; the system's lists stay as they are.
set -eu
cd "$(dirname "$0")/../.."
kernel=$1
arch=$(dpkg --print-architecture)
debian=http://deb.debian.org/debian
case $kernel in
5.10) source="http://deb.debian.org/debian-security bullseye-security" ;;
6.1) source="$debian bookworm" ;;
6.12) source="$debian trixie" ;;
7) source="$debian sid" ;;
*) echo "kernel.sh: no kernel $kernel (5.10, 6.1, 6.12, 7)" >&2 && exit 2 ;;
esac
dir=$PWD/build/vm/$kernel
if [ -e "$dir/complete" ] && [ -s "$dir/vmlinuz" ] && [ -d "$dir/lib/modules" ]; then echo "$dir" && exit 0; fi

apt=$dir/apt
rm -rf "${apt:?}" "${dir:?}/complete" # what an interrupted run has left
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
echo "deb [arch=$arch signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $source main" \
	>"$apt/sources.list"
options=(-q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
	-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
	-o Dir::State="$apt" -o Dir::State::status=/dev/null -o Dir::Cache="$apt"
	-o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User=root)

# depends PACKAGE...: those kernel packages it cannot be without.
depends() { apt-cache "${options[@]}" depends "$@" | sed -nE 's/^ *Depends: (linux-(image|modules|binary|base-[0-9]).*)/\1/p'; }

apt-get "${options[@]}" update >&2
# The name that stays leads to the package of today; newer kernels keep modules in one of their own.
mapfile -t image < <(depends "linux-image-cloud-$arch")
[ ${#image[@]} -gt 0 ] || { echo "kernel.sh: $source has no linux-image-cloud-$arch" >&2 && exit 1; }
mapfile -t more < <(depends "${image[@]}")
(cd "$apt/archives" && apt-get "${options[@]}" download "${image[@]}" "${more[@]}" >&2)

rm -rf "${dir:?}/root" "${dir:?}/lib"
for deb in "$apt"/archives/*.deb; do dpkg -x "$deb" "$dir/root"; done
mkdir "$dir/lib"
find "$dir/root" -path '*/lib/modules' -exec mv {} "$dir/lib/" \; -prune
find "$dir/root" "$dir/lib" -name 'vmlinuz*' -type f -exec mv {} "$dir/vmlinuz" \;
[ -s "$dir/vmlinuz" ] || { echo "kernel.sh: no kernel in ${image[*]} ${more[*]}" >&2 && exit 1; }
/sbin/depmod -b "$dir" "$(ls "$dir/lib/modules")"
rm -rf "${dir:?}/root" "${apt:?}"
touch "$dir/complete"
echo "$dir"
