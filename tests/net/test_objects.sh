#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Objects that come by the API: in effect when the answer is there, kept when the agent is killed,
# refused whole and with the reason, beside those of the configuration file.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml said=$NET_DIR/said
configure() {
	agent_yaml
	echo "  store: $NET_DIR/weir.db"
	echo "zones: [{ name: example.org, ns: [ns.example.org] }]"
	echo "pools: [{ name: filed, origins: [{ name: a, address: ${EP4[a]} }] }]"
	printf '%s\n' "$@"
}
configure >"$config"
agent_must_start bal "$config"

# no STATUS COMMAND...: weirctl ends with that exit status; what it says is in said.
no() {
	local want=$1 rc

	shift
	ctl bal "$@" >"$said" 2>&1
	rc=$?
	is "weirctl $*: exit status" $rc "$want"
}
says() { check "it says: $*" grep -qF -- "$*" "$said"; }
id_of() { ctl bal "$1" list --json | jq -r --arg n "$2" '.[] | select(.object.name == $n).id'; }

# Who answered ten connections, and how often.
serves() {
	connect "$NET_DIR/live" --connections 10
	value "$NET_DIR/live" '.by | tostring'
}

# --- a journey ---
ctl bal monitor create id=m type=http path=/health port=80 interval=1 >"$said" 2>&1 || bail "no monitor: $(cat "$said")"
check "a pool is created" ctl bal pool create name=web monitor=m "origins=[{name: b, address: ${EP4[b]}}]"
web=$(id_of pool web)
check "its id is 32 hexadecimal digits" grep -qE '^[0-9a-f]{32}$' <<<"$web"
check "a load balancer is created" ctl bal lb create name=www.example.org proxied=true "listeners=[tcp/80]" \
	"default_pools=[$web]" fallback_pool="$web"
healthy() { [ "$(status bal ".pools[] | select(.id == \"$web\").state")" = healthy ]; }
check "a real probe finds the pool healthy" wait_until 10 healthy
is "packets go to its endpoint" "$(serves)" '{"b":10}'
is "DNS has it at once" "$(in_ns client dig +short @$DNS4 www.example.org A | sort | head -1)" "$VIP4"

# --- who uses which pools ---
check "another pool is created" ctl bal pool create name=trial "origins=[{name: a, address: ${EP4[a]}}]"
trial=$(id_of pool trial)
sets="[{match: {topology: {regions: [OC]}}, overrides: {pools: [$web]}}, {overrides: {pools: [$trial, $web]}}]"
check "a balancer gets pool sets" ctl bal lb edit www.example.org "pool_sets=$sets"
is "clients go to the pools of theirs" "$(serves)" '{"a":10}'
check "and a rule over them" ctl bal lb edit www.example.org \
	"rules=[{overrides: {pools: [$web, $trial], steering_policy: random, pool_weights: {$trial: 0}}}]"
is "which has the last word" "$(serves)" '{"b":10}'
is "both read as they were written" \
	"$(ctl bal lb show www.example.org | jq -c '.object // . | [.pool_sets[0].match, .rules[0].overrides.pool_weights[]]')" \
	'[{"topology":{"regions":["OC"]}},0]'
no 1 pool delete trial && says "load_balancer www.example.org (rules)"
check "without the rule" ctl bal lb edit www.example.org "rules=[]"
no 1 pool delete trial && says "load_balancer www.example.org (pool_sets)"
check "without the sets" ctl bal lb edit www.example.org "pool_sets=[]"
check "it can go" ctl bal pool delete trial
is "and clients are back" "$(serves)" '{"b":10}'

# --- edits: what the answer says is in effect ---
began=$(now_ms)
check "the pool gets another endpoint" ctl bal pool edit web "origins=[{name: a, address: ${EP4[a]}}]"
note "the edit took $(($(now_ms) - began)) ms in all"
is "packets go there now" "$(serves)" '{"a":10}'
is "its other fields stay" "$(ctl bal pool show web | jq -r .monitor)" m
serial() { in_ns client dig +short @$DNS4 example.org SOA | cut -d' ' -f3; }
serial=$(serial)
check "a record is created" ctl bal record create name=x.example.org type=A content=192.0.2.77
is "and answered by the next query" "$(in_ns client dig +short @$DNS4 x.example.org)" 192.0.2.77
at_least "secondaries see that the zone is another" "$(serial)" $((serial + 1))
check "it is removed by its name" ctl bal record delete x.example.org
is "and not answered any more" "$(in_ns client dig +short @$DNS4 x.example.org)" ""

# --- events ---
start bal "$NET_DIR/events" "$WEIR_BIN/weirctl" --control 127.0.0.1:8650 events -f --pool "$web"
following=$STARTED
check "its monitor asks for what is not there" ctl bal monitor edit m path=/nothing
check "who follows events sees its endpoint fail" wait_until 5 grep -qE "pool web, a .* is unhealthy: Response code" "$NET_DIR/events"
check "and the pool" wait_until 5 grep -qE "pool web is unhealthy" "$NET_DIR/events"
check "it asks for what is there" ctl bal monitor edit m path=/health
check "who follows sees them recover" wait_until 5 grep -qE "pool web is healthy" "$NET_DIR/events"
stop "$following"
is "events are there for who asks later" "$(ctl bal events --pool "$web" -n 1 --json | jq .pool.healthy)" true

# --- refused whole ---
before=$(status bal .store.revision)
no 1 pool delete web && says "load_balancer www.example.org"
no 1 pool delete filed && says "only that file changes it"
no 2 pool create name=web "origins=[{name: c, address: 192.0.2.9}]" && says '"web" is pools['
no 2 pool edit web minimum_origins=7 && says minimum_origins
no 2 lb edit www.example.org "default_pools=[nobody]" && says "default_pools[0]: no pool"
no 1 pool show nobody && says "there is none of this id or name"
cat >"$NET_DIR/half.yaml" <<-Y
	pools: [{ name: good, origins: [{ name: a, address: 192.0.2.91 }] }, { name: bad, origins: [] }]
Y
no 2 apply -f "$NET_DIR/half.yaml" && says "pool bad"
in_ns bal curl -s -m 20 -o "$said" -d '{"changes": [
	{"kind": "pool", "id": "good", "object": {"name": "good", "origins": [{"name": "a", "address": "192.0.2.91"}]}},
	{"id": "bad", "object": null}]}' http://127.0.0.1:8650/weir/v1/changes
says "changes[1]: must have a kind"
is "nothing of all that was made" "$(status bal .store.revision) $(id_of pool good)" "$before "

# --- ids are parts of paths ---
# refuses METHOD PATH BODY WHERE: 400, and why; path as it is given.
refuses() {
	is "$1 $2 $3: status" "$(in_ns bal curl -s -m 20 --path-as-is -o "$said" -w '%{http_code}' -X "$1" -d "$3" \
		"http://127.0.0.1:8650/weir/v1/$2")" 400
	says "$4 must be a part of a path: 1 to 255 bytes without / and control characters, and not . or .."
}
object='"name": "x.example.org", "type": "A", "content": "192.0.2.7"'
for id in '' . .. a/b '../web' 'a\tb' 'a\u007f' "$(printf 'x%.0s' {1..256})"; do
	refuses POST objects/record "{\"id\": \"$id\", $object}" '"id:'
	refuses POST changes "{\"changes\": [{\"kind\": \"record\", \"id\": \"$id\", \"object\": {$object}}]}" '"changes[0].id:'
done
for id in . .. a%2fb %2e%2e a%09b; do refuses PUT "objects/record/$id" "{$object}" '"id:'; done
for id in ... .a a..b 'with spaces, and more'; do
	check "$id is an id" in_ns bal curl -sf -m 20 -d "{\"id\": \"$id\", $object}" http://127.0.0.1:8650/weir/v1/objects/record
	check "and leads to its object" ctl bal record show "$id"
	check "which can be removed" ctl bal record delete "$id"
done

# --- files ---
cat >"$NET_DIR/more.yaml" <<-Y
	pools:
	  - { name: more, monitor: m, origins: [{ name: b, address: ${EP4[b]} }] }
	records:
	  - { name: y.example.org, type: A, content: 192.0.2.78 }
Y
no 3 diff -f "$NET_DIR/more.yaml" && says "+ pool more"
check "apply makes it so" ctl bal apply -f "$NET_DIR/more.yaml"
no 0 diff -f "$NET_DIR/more.yaml"
sed -i 's/192.0.2.78/192.0.2.79/' "$NET_DIR/more.yaml"
no 3 diff -f "$NET_DIR/more.yaml" --prune && says "- pool web"
is "and answers" "$(in_ns client dig +short @$DNS4 y.example.org)" 192.0.2.78

# --- completion ---
# completed WORD...: what bash makes of the last word.
completed() {
	# shellcheck disable=SC2016
	in_ns bal env PATH="$PWD/$WEIR_BIN:$PATH" bash -c '. tools/weirctl.bash
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _weirctl; echo "${COMPREPLY[*]}"' _ "$@"
}
is "bash completes commands" "$(completed weirctl po)" pool
is "and what can be done" "$(completed weirctl lb ena)" enable
is "and names" "$(completed weirctl pool show mo)" more

# --- kept ---
check "an endpoint is taken out by hand" ctl bal override "$web/a" down --reason "it smells"
check "and another pool for a second" ctl bal override more down --reason "for a moment" --for 1
digest=$(status bal .table_digest) revision=$(status bal .store.revision)
agent_kill9 bal
agent_must_start bal "$config"
is "after kill -9 the tables are the same" "$(status bal .table_digest)" "$digest"
is "what was said by hand holds" "$(ctl bal override --json | jq -c '[.overrides[] | select(.pool == $web) | .state, .reason]' --arg web "$web")" '["down","it smells"]'
check "it can be taken back" ctl bal override "$web/a" --clear
is "and so is the revision" "$(status bal .store.revision)" "$revision"
is "and DNS" "$(in_ns client dig +short @$DNS4 y.example.org)" 192.0.2.78
configure "monitors: [{ id: m, type: tcp, port: 1 }]" >"$config"
check "a file that does not go with what is stored is refused" eval '! agent_reload bal'
check "and the reason says so" grep -q "stored monitor m" <<<"$(status bal .config.error)"
configure >"$config"
check "and one that does is taken" agent_reload bal
check "a rollback makes it what it was" ctl bal rollback "$before"
is "DNS follows" "$(in_ns client dig +short @$DNS4 y.example.org)" ""
is "and pools" "$(id_of pool more)" ""

check "the agent ends well" agent_term bal
agent_detach bal >/dev/null 2>&1
check "no sanitizer report" no_sanitizer_report
finish
