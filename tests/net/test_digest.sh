#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two balancers with one file: the same tables, so that either may have any packet of a flow.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up one 1
balancer_up two 2
endpoints_up a b c
got=$NET_DIR/got live=$NET_DIR/live

# both ORIGIN...: the same for both, but for their own addresses and paths.
both() {
	BALANCER=one BALANCER_N=1 one_pool "$NET_DIR/one.yaml" "$@"
	BALANCER=two BALANCER_N=2 one_pool "$NET_DIR/two.yaml" "$@"
}

both a=1 b=0.5 c=0.25
agent_must_start one "$NET_DIR/one.yaml"
agent_must_start two "$NET_DIR/two.yaml"
digest=$(status one .table_digest)
check "a digest is 16 hexadecimal digits" grep -qE '^[0-9a-f]{16}$' <<<"$digest"
is "two agents with the same file print the same digest" "$(status two .table_digest)" "$digest"
agent_term two
both c=0.25 a=1 b=0.5
agent_reload one
agent_must_start two "$NET_DIR/two.yaml"
is "so do they when one was reloaded and one started anew" "$(status two .table_digest)" \
	"$(status one .table_digest)"
note "digests: $digest, with the origins in another order $(status one .table_digest)"
both a=1 b=0.5
agent_reload two
check "another file, another digest" [ "$(status two .table_digest)" != "$digest" ]
agent_reload one
is "and the same again when both have it" "$(status two .table_digest)" "$(status one .table_digest)"

# Every packet's way changes from one balancer to the other and back, under live flows. Rows are at
# rest on both, for both were started so.
agent_term one
agent_term two
agent_detach one
agent_detach two
agent_must_start one "$NET_DIR/one.yaml"
agent_must_start two "$NET_DIR/two.yaml"
transfers_start "$live"
for n in 2 1 2 1; do
	vips_to $n
	sleep 0.4
done
vips_to 2
connect "$got" --connections 5000
check_shares "the other balancer gives the same shares" "$got" 10 a=1 b=0.5
transfers_stop "$live"
is "500 transfers that changed balancer 5 times, 0 broke" \
	"$(value "$live" '"\(.flows) \(.broken)"')" "500 0"
check "the first agent ends well" agent_term one
check "the second agent ends well" agent_term two
finish
