#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may include whom. One line per folder: FOLDER: what its files may include (prefixes; a
# folder may always include itself and weir/abi.h). Headers of libc and the kernel are always fine.
set -eu
cd "$(dirname "$0")/.."
rules='
base:      weir
model:     weir base jansson.h yaml.h libzscanner/
compile:   weir base model
zone:      weir base model libzscanner/
dataplane: weir base model compile bpf/ xdp/ libmnl/ weir.skel.h
loop:      weir base uv.h curl/
probe:     weir base model loop uv.h curl/ openssl/
resolve:   weir base model uv.h ares.h
dns:       weir base model zone uv.h openssl/ fstrm.h dnstap.pb-c.h
sign:      weir base model zone openssl/
geo:       weir base model maxminddb.h
store:     weir base sqlite3.h jansson.h
alert:     weir base loop uv.h curl/ jansson.h
agent:     weir base model compile zone dataplane probe resolve dns geo sign store alert uv.h jansson.h
api:       weir base model agent store uv.h microhttpd.h jansson.h openssl/
'
libs='^(bpf/|xdp/|libmnl/|uv\.h|curl/|openssl/|fstrm\.h|ares\.h|microhttpd\.h|jansson\.h|yaml\.h|libzscanner/|sqlite3\.h|nats/|maxminddb\.h)'
bad=0
for path in user/*/; do
	dir=$(basename "$path")
	printf '%s' "$rules" | grep -q "^$dir:" || { echo "user/$dir: no rule in tests/layering.sh"; bad=1; continue; }
	may=$(printf '%s' "$rules" | sed -n "s/^$dir: *//p")
	wrong=$(grep -nHE '^#include' "$path"*.[ch] | while IFS= read -r line; do
		inc=$(printf '%s' "$line" | sed -E 's/.*#include *[<"]([^>"]+)[>"].*/\1/')
		case $line in
		*\"*) ;;
		*) printf '%s' "$inc" | grep -qE "$libs" || continue ;;
		esac
		ok=no
		for p in "$dir" $may; do case $inc in "${p%/}" | "${p%/}"/*) ok=yes ;; esac; done
		[ $ok = yes ] || echo "$line"
	done)
	[ -z "$wrong" ] || { echo "$wrong"; bad=1; }
done
exit $bad
