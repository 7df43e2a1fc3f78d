#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fastly's API, with the vendor's own client: a journey through all of it, and then with connections
# through the packet path: they move when a version becomes active and not before, with servers at
# once, and a pool without its quorum takes no new ones.
# shellcheck disable=SC2016,SC2317  # what eval gets, and what is called by name
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/api.sh
. tests/net/api.sh

net_up
balancer_up bal
endpoints_up a b c d
api_certificate
config=$NET_DIR/weir.yaml got=$NET_DIR/got
{
	api_yaml 'pop: AMS' 'proxied_listeners: [tcp/80, tcp/9000]'
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
	END
} >"$config"
api_up "$config"
journey fastly.js

# fastly EXPRESSION: its result as JSON. SERVICE and VERSION are where at() of it is.
fastly() {
	AT="{\"service_id\": \"${SERVICE:-}\", \"version_id\": ${VERSION:-0}}" call fastly "$1" >"$got.json" ||
		note "refused: $1: $(cat "$got.json")" >&2
	cat "$got.json"
}
# server POOL ADDRESS [MORE]: a new server's id.
server() { fastly "api.server.createPoolServer(at({ pool_id: '$1', address: '$2', ${3:-} }))" | jq -r .id; }
serves() { connect "$got" --connections 60 --timeout 2 && [ "$(jq -c '.by | keys' "$got")" = "$1" ]; }
nobody_serves() { connect "$got" --connections 5 --timeout 0.3; [ "$(jq '[.by[]] | add // 0' "$got")" = 0 ]; }

VERSION=1
SERVICE=$(fastly 'api.service.createService({ name: "shop", type: "vcl" })' | jq -r .id)
fastly 'api.domain.createDomain(at({ name: "www.example.org" }))' >/dev/null
fastly 'api.domain.createDomain(at({ name: "shop.example.org" }))' >/dev/null
fastly 'api.healthcheck.createHealthcheck(at({ name: "hc", path: "/health", method: "GET", check_interval: 1000, timeout: 500, window: 2, threshold: 2, initial: 2 }))' >/dev/null
web=$(fastly 'api.pool.createServerPool(at({ name: "web", healthcheck: "hc", quorum: 75, override_host: "of.pool", max_conn_default: 300 }))' | jq -r .id)
server "$web" "${EP4[a]}" >/dev/null
second=$(server "$web" "${EP4[b]}" 'weight: 50, override_host: "of.server"')
check "before a version is active nobody is answered" nobody_serves
is "validate finds nothing wrong" "$(fastly 'api.version.validateServiceVersion(at({}))' | jq -r .status)" ok
fastly 'api.version.activateServiceVersion(at({}))' >/dev/null
check "when it is, its servers are" wait_until 5 serves '["a","b"]'
connect "$got" --connections 6000
check_shares "6,000 connections follow the weights 100 and 50 within 10 %" "$got" 10 a=2 b=1
is "the domain is answered with the VIP" "$(in_ns client dig +short "@$DNS4" www.example.org A)" $VIP4
is "further domains are aliases of it" "$(in_ns client dig +short "@$DNS4" shop.example.org A | tr '\n' ' ')" "www.example.org. $VIP4 "

# --- what it became ---
fastly "api.server.updatePoolServer(at({ pool_id: '$web', server_id: '$second', max_conn: 7 }))" >/dev/null
transfers_start "$NET_DIR/long" --flows 60
transfers_stop "$NET_DIR/long"
is "a server has as many connections as its max_conn, and the other one all that are more" "$(jq -cS '[.broken, .by]' "$NET_DIR/long")" \
	'[0,{"a":53,"b":7}]'
is "the healthcheck is the pool's monitor" \
	"$(ctl bal monitor show "$web" --json | jq -c '.object | [.type, .method, .path, .expected_codes, .interval, .timeout, .window, .threshold, .initial]')" \
	'["http","GET","/health","200",1,0.5,2,2,2]'
is "the pool has quorum, policy and servers, each with its limit and Host" \
	"$(ctl bal pool show "$web" --json | jq -c '.object | [.quorum, .origin_steering.policy, (.origins[] | .address, .max_conn, .weight, .header.Host[0])]')" \
	"[75,\"random\",\"${EP4[a]}\",300,1,\"of.pool\",\"${EP4[b]}\",7,0.5,\"of.server\"]"

# --- forms as other clients write them ---
# form ARGUMENT... PATH: what curl gets of the service.
form() { in_ns client curl -s -m 20 --cacert "$NET_DIR/api.crt" -H "Fastly-Key: $TOKEN" "${@:1:$#-1}" "$API/service/$SERVICE/${*: -1}"; }
is "headers may be a list" "$(form -d 'name=a+list&headers=%5B%22Foo%3ABar%22%2C%22Baz%3A+a%2C+b%22%5D' version/1/healthcheck |
	jq -c '[.msg, .detail]')" "[\"Version locked\",\"Version '1' for service '$SERVICE' is locked\"]"
draft=$(form -X PUT version/1/clone | jq .number)
is "in a draft, that is" "$(form -d 'name=a+list&headers=%5B%22Foo%3ABar%22%2C%22Baz%3A+a%2C+b%22%5D' "version/$draft/healthcheck" |
	jq -c '[.name, .headers]')" '["a list",["Foo:Bar","Baz: a, b"]]'
is "or one text" "$(form -d 'name=text&headers=Foo%3A%20Bar%2C%20x%2CBaz%3A%20Qux' "version/$draft/healthcheck" | jq -c .headers)" '["Foo: Bar, x","Baz: Qux"]'
is "or several" "$(form -d 'name=several&headers=Foo%3ABar&headers=Baz%3AQux' "version/$draft/healthcheck" | jq -c .headers)" '["Foo:Bar","Baz:Qux"]'
is "names may have anything in them" "$(form -d 'name=p%20one%2Fx' "version/$draft/pool" | jq -r .name)/$(form "version/$draft/pool/p%20one%2Fx" | jq -r .name)" "p one/x/p one/x"
other=$(form "version/$draft/pool/p%20one%2Fx" | jq -r .id)
is "yes is 1 and no is 0, too" "$(form -d 'address=192.0.2.200&disabled=1' "pool/$other/server" | jq -c .disabled)$(form -d 'address=192.0.2.201&disabled=0' "pool/$other/server" | jq -c .disabled)" truefalse
is "what is read only is no mistake" "$(form -X PUT -d 'id=x&created_at=now&version=9&comment=c' "version/$draft/pool/p%20one%2Fx" | jq -c '[.comment, .version]')" "[\"c\",\"$draft\"]"
is "servers go with the last version that has their pool" \
	"$(form -X DELETE "version/$draft/pool/p%20one%2Fx" | jq -r .status) $(form "pool/$other/servers" | jq -r .msg)" "ok Record not found"
connect "$got" --connections 200
is "of all that connections notice nothing" "$(jq -c '[(.by | keys), .failed]' "$got")" '[["a","b"],0]'

# --- a new version ---
VERSION=$(fastly 'api.version.cloneServiceVersion(at({}))' | jq .number)
is "a clone is the next version" "$VERSION" 3
fastly 'api.pool.deleteServerPool(at({ pool_name: "web" }))' >/dev/null
new=$(fastly 'api.pool.createServerPool(at({ name: "web", healthcheck: "hc", quorum: 75 }))' | jq -r .id)
third=$(server "$new" "${EP4[c]}")
fourth=$(server "$new" "${EP4[d]}")
is "the new version is good" "$(fastly 'api.version.validateServiceVersion(at({}))' | jq -r .status)" ok
connect "$got" --connections 3000
is "until it is active, connections go where they went" "$(jq -c '[(.by | keys), .failed]' "$got")" '[["a","b"],0]'
transfers_start "$NET_DIR/long" --flows 20
fastly 'api.version.activateServiceVersion(at({}))' >/dev/null
connect "$got" --connections 3000
is "from the answer on all new ones go to its servers" "$(jq -c '[(.by | keys), .failed]' "$got")" '[["c","d"],0]'
transfers_stop "$NET_DIR/long"
is "those that were open stay, and none breaks" "$(jq .broken "$NET_DIR/long")" 0
is "the first version is active no more, and locked" \
	"$(VERSION=1 fastly 'api.version.getServiceVersion(at({}))' | jq -c '[.active, .locked]')" '[false,true]'

# --- servers, at once ---
fastly "api.server.updatePoolServer(at({ pool_id: '$new', server_id: '$fourth', disabled: true }))" >/dev/null
connect "$got" --connections 1000
is "one that is disabled takes no new connection from the answer on" "$(jq -c '[(.by | keys), .failed]' "$got")" '[["c"],0]'
fastly "api.server.updatePoolServer(at({ pool_id: '$new', server_id: '$fourth', disabled: false }))" >/dev/null
check "enabled again it takes some" wait_until 5 serves '["c","d"]'
fifth=$(server "$new" "${EP4[a]}")
check "a new one does once it is healthy" wait_until 5 serves '["a","c","d"]'
fastly "api.server.deletePoolServer(at({ pool_id: '$new', server_id: '$fifth' }))" >/dev/null
connect "$got" --connections 1000
is "one that is deleted takes none" "$(jq -c '[(.by | keys), .failed]' "$got")" '[["c","d"],0]'
fastly "api.server.updatePoolServer(at({ pool_id: '$web', server_id: '$second', weight: 1 }))" >/dev/null
connect "$got" --connections 200
is "servers of a pool that is not active change nothing" "$(jq -c '[(.by | keys), .failed]' "$got")" '[["c","d"],0]'
call fastly "api.server.createPoolServer({ service_id: '$SERVICE', pool_id: '$new', address: 'no host' })" >"$got"
check "one that cannot be is refused, and why" grep -q 'Fastly pool web.*no host' "$got"

# --- quorum ---
transfers_start "$NET_DIR/long" --flows 20
touch "$NET_DIR/nginx.d/ill"
check "with half of its weight healthy, and a quorum of 75, a pool takes no new connections" wait_until 10 nobody_serves
stop "$TRANSFERS" TERM
note "transfers: $(cat "$NET_DIR/long")"
check "those that were open with the healthy one stay" \
	eval '[ "$(jq .by.c "$NET_DIR/long")" -gt 0 ] && ! grep "with c broken" "$NET_DIR/long.err"'
VERSION=$(fastly 'api.version.cloneServiceVersion(at({}))' | jq .number)
fastly 'api.pool.updateServerPool(at({ pool_name: "web", quorum: 50 }))' >/dev/null
check "a version with a quorum of 50 changes nothing as long as it is a draft" nobody_serves
fastly 'api.version.activateServiceVersion(at({}))' >/dev/null
check "and has the healthy one serve when it is active" wait_until 5 serves '["c"]'
rm "$NET_DIR/nginx.d/ill"
check "the other one comes back" wait_until 10 serves '["c","d"]'

# --- beside others ---
check "an operator may add to the load balancer" ctl bal lb edit "$SERVICE" passive_health=false
VERSION=$(fastly 'api.version.cloneServiceVersion(at({}))' | jq .number)
fastly 'api.domain.deleteDomain(at({ domain_name: "www.example.org" }))' >/dev/null
fastly 'api.domain.updateDomain(at({ domain_name: "shop.example.org", name: "shop.elsewhere.example" }))' >/dev/null
elsewhere=$(form -X PUT "version/$VERSION/activate" | jq -r .msg)
name=${SERVICE,,}.example.org
is "a domain whose DNS is elsewhere is told a name to be an alias of" "$elsewhere" \
	"domain 'shop.elsewhere.example' is in no zone of this balancer: make it an alias of '$name'"
is "which is answered with the VIP" "$(in_ns client dig +short "@$DNS4" "$name" A)" $VIP4
is "names of the version before are not" "$(in_ns client dig +short "@$DNS4" www.example.org A)$(in_ns client dig +short "@$DNS4" shop.example.org A)" ''
is "what the operator added stays" "$(ctl bal lb show "$SERVICE" --json | jq .object.passive_health)" false
check "the same servers serve" serves '["c","d"]'
other=$(fastly 'api.service.createService({ name: "other", type: "vcl" })' | jq -r .id)
in_other() { AT="{\"service_id\": \"$other\", \"version_id\": 1}" call fastly "$1"; }
in_other 'api.domain.createDomain(at({ name: "other.example.org" }))' >/dev/null
pool=$(in_other 'api.pool.createServerPool(at({ name: "web" }))' | jq -r .id)
in_other "api.server.createPoolServer(at({ pool_id: '$pool', address: '${EP4[a]}' }))" >/dev/null
in_other 'api.version.activateServiceVersion(at({}))' >"$got"
check "a second service finds no VIP that is free, and is told who has it" grep -q "$SERVICE\|$name" "$got"
note "$(cat "$got")"
check "the first one serves on" serves '["c","d"]'

# --- over a restart, and the end ---
check "the agent ends well" agent_term bal
agent_must_start bal "$config"
check "the same serve after a restart" wait_until 10 serves '["c","d"]'
is "the same version is active" "$(fastly 'api.service.getServiceDetail(at({}))' | jq .active_version.number)" 5
fastly 'api.version.deactivateServiceVersion(at({}))' >/dev/null
check "without an active version nobody serves" nobody_serves
is "and its name is nobody's" "$(in_ns client dig +short "@$DNS4" "$name" A)" ''
is "nothing is left of the model" "$(status bal '[(.pools | length), (.load_balancers | length)] | join(" ")')" "0 0"
check "the agent ends well once more" agent_term bal
check "no sanitizer report" no_sanitizer_report
: "$third"
finish
