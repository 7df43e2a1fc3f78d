# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# validate.sh - what tests of signed zones have in common: keys as weirctl shows them, and delv,
# which validates an answer from the DS of example.org on.

dnssec() { ctl bal zone dnssec "$@"; }
ring() { dnssec "$1" --json | jq -r '[.dnssec.ring[] | "\(.role) \(.state)"] | join(", ")'; }
ring_is() { [ "$(ring "$1")" = "$2" ]; }

# trust: what the parent of example.org says of it now.
trust() {
	dnssec example.org | grep ' IN DS ' >"$NET_DIR/ds"
	{
		echo 'trust-anchors {'
		awk '{ printf "\t\"%s\" static-ds %s %s %s \"%s\";\n", $1, $4, $5, $6, $7 }' "$NET_DIR/ds"
		echo '};'
	} >"$NET_DIR/anchors"
}

# delves NAME TYPE: delv's word for it; asked by DELV_IN with the options DELV.
delves() {
	in_ns "${DELV_IN:-client}" delv ${DELV:-@$DNS4} -a "$NET_DIR/anchors" +root=example.org "$1" "$2" 2>&1 |
		tee "$NET_DIR/delv" |
		sed -nE 's/^; (negative response, )?(fully validated|unsigned answer)$/\1\2/p; /ncache/d; s/^;; resolution failed: //p' |
		sort -u | xargs -d '\n'
}

# kinds_hold SENTENCE [FILE]: all of these, or those of another file.
kinds_hold() {
	local name type what got bad=0 kinds=${2:-$NET_DIR/kinds}

	while read -r name type what; do
		got=$(delves "$name" "$type")
		case $what/$got in
		"yes/fully validated" | "no/negative response, fully validated") ;;
		"no/fully validated") grep -q '^; .*NSEC' "$NET_DIR/delv" || bad=$((bad + 1)) ;; # behind an alias
		"plain/unsigned answer" | "plain/negative response, unsigned answer") ;;
		*)
			bad=$((bad + 1))
			echo "$name $type: $got"
			tail -n 5 "$NET_DIR/delv"
			;;
		esac
	done <"$kinds" >"$NET_DIR/kinds.bad"
	if [ $bad = 0 ]; then
		ok "$1: $(wc -l <"$kinds") answers and denials are validated by delv"
	else
		not_ok "$1: $bad of $(wc -l <"$kinds") are not validated"
		head -n 40 "$NET_DIR/kinds.bad" | sed 's/^/#   /'
	fi
}
