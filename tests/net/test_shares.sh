#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every endpoint gets its share of new connections.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got

one_pool "$config" a=1.00 b=0.75 c=0.50
agent_must_start bal "$config"
connect "$got" --connections 40000
check_shares "40,000 connections over IPv4 follow weights 1, 0.75 and 0.5 within 5 %" \
	"$got" 5 a=1 b=0.75 c=0.5
TARGET="[$VIP6]:80" connect "$got" --connections 40000
check_shares "40,000 connections over IPv6 follow weights 1, 0.75 and 0.5 within 5 %" \
	"$got" 5 a=1 b=0.75 c=0.5
at_least "the status counts connections at each endpoint" \
	"$(status bal '[.pools[].origins[].connections] | min')" 10000
is "a weight of 0 is accepted" \
	"$(one_pool "$config" a=1.00 b=0 c=0.02 && agent_reload bal && echo yes)" yes
connect "$got" --connections 40000
# 40,000 * 2/102 are 784 connections: 5 % of them are less than two standard deviations, so 15 %.
check_shares "a weight of 0.02 against 1 is honoured, one of 0 gets nothing" "$got" 15 a=1 c=0.02
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
