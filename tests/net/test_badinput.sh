#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is wrong, hostile or noise, as configuration, as DNS and as packets: a sentence or a counter,
# and everything goes on as before.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml bad=$NET_DIR/bad.yaml got=$NET_DIR/got said=$NET_DIR/said
{
	agent_yaml
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		monitors:
		  - id: web
		    type: http
		    path: /health
		    port: 80
		    interval: 1
		    timeout: 0.5
		pools:
		  - name: main
		    minimum_origins: 1
		    monitor: web
		    origins:
		      - name: a
		        address: ${EP4[a]}
		        weight: 1
		      - name: b
		        address: ${EP4[b]}
		load_balancers:
	END
	lb_yaml www.example.org main main
	cat <<-END
		records:
		  - type: A
		    name: one.example.org
		    content: 192.0.2.1
	END
} >"$config"

agent_check() { in_ns bal timeout -s ABRT 20 "$WEIR_BIN/weir-agent" --config "$1" --check >"$said" 2>&1; }

check "a good file passes --check" agent_check "$config"

# refused LINE PATH SED: the changed file is refused, and the message names this line and path.
refused() {
	local rc

	sed "$3" "$config" >"$bad"
	agent_check "$bad"
	rc=$?
	[ $rc = 2 ] || { not_ok "$3: exit 2"; note "  exit $rc: $(head -n 3 "$said")"; return; }
	if grep -qF "bad.yaml:$(grep -nE "$1" "$bad" | head -n 1 | cut -d: -f1):" "$said" && grep -qF "$2" "$said"; then
		ok "refused with line and path: $(sed -n "s|.*$bad|bad.yaml|p" "$said" | head -n 1)"
	else
		not_ok "$3: line of /$1/ and $2 are named"
		note "  $(head -n 3 "$said")"
	fi
}

refused 'weight: 1.5' 'pools[0].origins[0].weight' 's/weight: 1$/weight: 1.5/'
refused 'weight: heavy' 'pools[0].origins[0].weight' 's/weight: 1$/weight: heavy/'
refused 'wieght' 'pools[0].origins[0].wieght' 's/weight: 1$/wieght: 1/'
refused 'address: 10.0.0' 'pools[0].origins[1].address' "s/address: ${EP4[b]}/address: 10.0.0/"
refused 'monitor: other' 'pools[0].monitor' 's/monitor: web/monitor: other/'
refused 'fallback_pool: other' 'load_balancers[0].fallback_pool' 's/fallback_pool: main/fallback_pool: other/'
refused 'listeners' 'load_balancers[0].listeners[1]' 's,tcp/9000,tcp/0,'
refused 'listeners' 'load_balancers[0].listeners[2]' 's,udp/9000,tcp/9000,'
refused 'forwarding' 'load_balancers[0].forwarding' 's/forwarding: ipip/forwarding: gre/'
refused 'interval' 'monitors[0].interval' 's/interval: 1/interval: never/'
refused 'pin_path' 'agent.pin_path' 's,pin_path: .*,pin_path: here,'
refused 'hash_key' 'agent.hash_key' 's/hash_key: .*/hash_key: abc/'
refused 'content: 192' 'records[0].content' 's/content: 192.0.2.1/content: 192.0.2.256/'
refused '^pool:' 'pool' 's/^pools:/pool:/'
refused 'minimum_origins: -1' 'pools[0].minimum_origins' 's/minimum_origins: 1/minimum_origins: -1/'
refused 'name: a b' 'bad.yaml' 's/name: a$/name: a b: c/'

# survives KIND SEED [CODES]: as a configuration it ends with one of these exit codes and a message.
noise_failed=0
survives() {
	agent_check "$bad"
	local rc=$?
	case " ${3:-2} " in
	*" $rc "*) ;;
	*)
		noise_failed=$((noise_failed + 1))
		cp "$bad" "build/noise.$1.$2"
		note "  $1 $2: exit $rc, kept as build/noise.$1.$2: $(grep -aE 'Sanitizer|runtime error' "$said" | head -n 1)"
		;;
	esac
	if [ $rc = 2 ] && ! grep -qaF bad.yaml "$said"; then
		noise_failed=$((noise_failed + 1))
		note "  $1 $2: exit 2 without a message that names the file"
	fi
}
runs=0
for kind in bytes text deep aliases keys; do
	for seed in 1 2 3 4 5; do
		python3 tests/net/noise.py config $kind $seed >"$bad"
		survives $kind $seed
		runs=$((runs + 1))
	done
done
for seed in $(seq 60); do
	python3 tests/net/noise.py mutate "$seed" <"$config" >"$bad"
	survives mutated "$seed" "0 2"
	runs=$((runs + 1))
done
is "$runs files of noise: each a clear error, or taken, never a crash" $noise_failed 0

# The same while it runs.
agent_must_start bal "$config"
wait_until 10 status_is bal '.pools[0].healthy' 2
before=$(status bal '"\(.table_digest) \(.config.revision)"')
unchanged() { [ "$(status bal '"\(.table_digest) \(.config.revision)"')" = "$before" ]; }

# keeps SENTENCE PATTERN: the file is refused on SIGHUP for this reason, and all is as it was.
keeps() {
	if agent_reload bal; then not_ok "SIGHUP with $1 is refused"; else ok "SIGHUP with $1 is refused"; fi
	check "and says why" grep -E "$2" <<<"$(status bal .config.error)"
	check "and leaves the running state" unchanged
	note "  $(status bal .config.error | head -c 300)"
}
cp "$config" "$NET_DIR/good.yaml"
sed 's/weight: 1$/weight: 7/' "$NET_DIR/good.yaml" >"$config"
keeps "a weight out of range" 'weir.yaml:[0-9]+.*pools\[0\]\.origins\[0\]\.weight'
python3 tests/net/noise.py config bytes 9 >"$config"
keeps "64 KiB of noise" 'weir.yaml:[0-9]+.*not YAML'
rm "$config"
keeps "no file" 'No such file'
sed -e 's/interfaces: .*/interfaces: [eth0, eth9]/' -e 's/weight: 1$/weight: 0.1/' "$NET_DIR/good.yaml" >"$config"
keeps "an interface that does not exist, beside a good change" 'not applied: No such device'
sed -e 's/dns: .*/dns: { listen: ["127.0.0.1:8650"] }/' -e 's/weight: 1$/weight: 0.1/' "$NET_DIR/good.yaml" >"$config"
keeps "a DNS address that is taken, beside a good change" 'not applied: Address already in use'
is "DNS still answers" "$(in_ns client dig @$DNS4 +short +tries=1 +time=2 one.example.org A)" 192.0.2.1
cp "$NET_DIR/good.yaml" "$config"
sed -i 's/weight: 1$/weight: 0.5/' "$config"
check "a good file is taken after all that" agent_reload bal
check "and the error is gone" status_is bal .config.error null

alive() { ! gone "${AGENT[bal]}" && status bal .version; }

# DNS.
in_ns client python3 tests/net/noise.py udp $DNS4 53 5000 1
in_ns client python3 tests/net/noise.py udp $DNS6 53 5000 2
in_ns client python3 tests/net/noise.py tcp $DNS4 53 40 3
check "the agent lives through 10,000 datagrams and 40 connections of noise to DNS" alive
is "and answers" "$(in_ns client dig @$DNS4 +short +tries=1 +time=2 one.example.org A)" 192.0.2.1
is "over TCP too" "$(in_ns client dig @$DNS4 +tcp +short +tries=1 +time=2 one.example.org A)" 192.0.2.1
at_least "dropped ones are counted" "$(status bal '[.dns.filter[] | select(.drop) | .packets] | add')" 5000
note "filter: $(status bal '[.dns.filter[] | select(.packets > 0) | "\(.reason) \(.packets)"] | join(", ")')"
at_most "and every datagram is: dropped or queued, none beyond" \
	"$(status bal '10002 - ([.dns.filter[] | select(.reason | startswith("DNS_PASS") | not) | .packets] | add) | fabs')" 2

# The control address.
for seed in 1 2 3 4 5; do
	python3 tests/net/noise.py config bytes $seed |
		in_ns bal timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8650 && cat >&3 && timeout 1 cat <&3' >/dev/null 2>&1
done
check "the agent lives through noise to its control address" alive

# Packets, at the balancer's own interface.
counted() { status bal '[.packets[].packets] | add'; }
dropped() { status bal '[.packets[] | select(.drop) | .packets] | add'; }
mac=$(ip -n "$NET-bal" -j link show dev eth0 | jq -r '.[0].address')
was=$(counted) was_dropped=$(dropped)
in_ns r python3 tests/net/noise.py packets bal "$mac" $VIP4 $VIP6 20000 1
sleep 0.2
check "the agent lives through 20,000 packets of noise" alive
at_least "each is counted" $(($(counted) - was)) 20000
at_least "many are drops" $(($(dropped) - was_dropped)) 5000
note "packets: $(status bal '[.packets[] | select(.packets > 0) | "\(.reason) \(.packets)"] | join(", ")')"
connect "$got" --connections 5000
check_shares "connections are shared as before" "$got" 10 a=0.5 b=1
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
