#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A store whose disk is full, read-only or damaged: changes are refused and the reason is said, and
# packets, health and DNS go on as if nothing was.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml said=$NET_DIR/said live=$NET_DIR/live disk=$NET_DIR/disk
store=$disk/weir.db

# A disk of 1 MiB that goes with this script, however it ends.
# shellcheck disable=SC2317 # in a trap
disk_down() { umount -l "$disk"; }
mkdir "$disk"
mount -t tmpfs -o size=1m weir-store "$disk" || bail "a small disk can be made"
trap 'rc=$?; disk_down; (exit $rc); net_cleanup' EXIT
# What is left of its room is taken: also what a change that was refused has given back.
fill() { ! cat /dev/zero >>"$disk/filler" 2>"$NET_DIR/words"; }

{
	agent_yaml
	cat <<-END
		  store: $store
		  api: { listen: ["127.0.0.1:8651"] }
		zones: [{ name: example.org, ns: [ns.example.org] }]
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1
	pool_yaml steady 1 - a=1 b=1
	echo "load_balancers:"
	lb_yaml www.example.org main main | sed 's/listeners: .*/listeners: [tcp\/80]/'
	lb_yaml long.example.org steady steady | sed 's/listeners: .*/listeners: [tcp\/9000]/'
} >"$config"

record() { ctl bal record create "name=$1.example.org" type=A "content=$2" >"$said" 2>&1; }
asked() { in_ns client dig +short +tries=1 +time=2 @$DNS4 "$1.example.org" A; }
# shellcheck disable=SC2317
origin_is() { status_is bal ".pools[] | select(.id == \"main\").origins[] | select(.name == \"$1\").state" "$2"; }
# Packets, DNS and health, whatever became of the store: a falls ill and gets well again.
lives_on() { # HOW
	local how=$1

	is "$how: DNS answers" "$(asked kept)" 192.0.2.77
	touch "$NET_DIR/nginx.a/ill"
	check "$how: who falls ill is found out" wait_until 5 origin_is a unhealthy
	connect "$live" --connections 200
	check_shares "$how: and gets nothing" "$live" 1 b=1
	rm "$NET_DIR/nginx.a/ill"
	check "$how: who gets well is, too" wait_until 5 origin_is a healthy
	connect "$live" --connections 2000
	check_shares "$how: and gets its share" "$live" 15 a=1 b=1
}
# post PATH BODY: without room, by the token's API; the answer in said, its status in STATUS.
post() {
	fill
	STATUS=$(in_ns bal curl -s -m 10 -o "$said" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" \
		-H 'Content-Type: application/json' -d "$2" "http://127.0.0.1:8651/$1")
}

agent_must_start bal "$config"
TOKEN=$(ctl bal token create --name writer --scope write) || bail "a token can be made"
record kept 192.0.2.77 || bail "a record is kept: $(cat "$said")"
transfers_start "$NET_DIR/transfers"

# --- full ---
n=0
while fill && record "more$n" 192.0.2.78 && [ $n -lt 400 ]; do n=$((n + 1)); done # its log has some room still
note "$n records found room in what the store had already"
check "on a full disk a change is refused, and the reason said" grep -q "the disk is full; nothing was changed" "$said"
revision=$(status bal .store.revision) digest=$(status bal .table_digest)
is "it has no effect" "$(asked more$n)" ""
post client/v4/accounts/77656972000000000000000000000001/load_balancers/pools \
	"{\"name\":\"p\",\"description\":\"$(printf '%01000d' 0)\",\"origins\":[{\"name\":\"a\",\"address\":\"${EP4[a]}\"}]}"
is "Cloudflare's clients get an error of the server" "$STATUS $(jq -r '.success' "$said")" "500 false"
check "that says the same" grep -q "the disk is full" "$said"
post v2/1/zones/example.org/records "{\"name\":\"d\",\"type\":\"TXT\",\"content\":\"$(printf '%0200d' 0)\"}"
is "and so do DNSimple's" "$STATUS" 500
check "in their form" grep -q "the disk is full" "$said"
is "nothing of that was made" "$(status bal .store.revision)" "$revision"
lives_on "on a full disk"
fill
agent_kill9 bal
check "on a full disk an agent starts" agent_start bal "$config"
is "with what was acknowledged" "$(status bal '"\(.store.revision) \(.table_digest)"') $(asked kept)" \
	"$revision $digest 192.0.2.77"
rm "$disk/filler"
check "when there is room changes are made again" wait_until 10 record again 192.0.2.79
is "and have effect" "$(asked again)" 192.0.2.79
revision=$((revision + 1))
is "nothing was made in between" "$(status bal .store.revision)" $revision
check "a backup is made" ctl bal backup "$NET_DIR/backup.db"

# refuses HOW SENTENCE: no agent starts, and packets go on without one.
refuses() {
	if agent_start bal "$config"; then
		not_ok "$1: no agent starts"
		agent_kill9 bal
		return
	fi
	finished "${AGENT[bal]}"
	is "$1: an agent does not start: exit status" $? 1
	check "$1: it says why" grep -q "$store: .*$2" "${AGENT_LOG[bal]}"
	note "  $(tail -n 1 "${AGENT_LOG[bal]}")"
	connect "$live" --connections 2000
	check_shares "$1: the packet path goes on" "$live" 15 a=1 b=1
}

# --- read-only ---
agent_kill9 bal
mount -o remount,ro "$disk" || bail "a disk can be made read-only"
refuses "read-only" "read-only"
mount -o remount,rw "$disk" || bail "and writable again"
check "writable again: an agent starts" agent_start bal "$config"
is "writable again: nothing is lost" "$(status bal .store.revision) $(asked again)" "$revision 192.0.2.79"

# --- damaged ---
check "an agent that ends leaves all in one file" agent_term bal
cp "$store" "$NET_DIR/whole.db"
size=$(stat -c %s "$store")
dd if=/dev/urandom of="$store" bs=1 seek=$((size / 2)) count=8192 conv=notrunc status=none
refuses "damaged in the middle" "is damaged"
cp "$NET_DIR/whole.db" "$store"
truncate -s $((size / 2)) "$store"
refuses "half of it" "is damaged"
echo "this is no store" >"$store"
refuses "something else" "is damaged"
rm "$store"*
cp "$NET_DIR/backup.db" "$store"
check "with the backup in its place an agent starts" agent_start bal "$config"
is "and has what was acknowledged until then" "$(status bal '"\(.store.revision) \(.table_digest)"') $(asked again)" \
	"$revision $digest 192.0.2.79"
check "and takes changes" record last 192.0.2.80
lives_on "with the backup"

transfers_stop "$NET_DIR/transfers"
is "500 transfers ran through it all, 0 broke" \
	"$(value "$NET_DIR/transfers" '"\(.flows) \(.broken)"')" "500 0"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
