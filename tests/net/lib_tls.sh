# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lib_tls.sh - certificates, for tests that have sourced lib.sh.

# certificate FILE ALTERNATIVE [SERIAL]: FILE.crt and FILE.key, signed by itself, for DNS:NAME or
# IP:ADDRESS.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -set_serial "${3:-1}" \
		-subj "/CN=${2#*:}" -addext "subjectAltName=$2" \
		-keyout "$1.key" -out "$1.crt" 2>"$NET_DIR/words" || bail "openssl makes a certificate: $(cat "$NET_DIR/words")"
}
