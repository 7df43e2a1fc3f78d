#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A world that does not fit the configuration, or stops fitting it: ports that are taken.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
config=$NET_DIR/weir.yaml

# taken TYPE ADDRESS PORT: somebody else has it; pid in TAKEN.
taken() {
	start bal "$NET_DIR/taken" python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, getattr(socket, sys.argv[1]))
s.bind((sys.argv[2], int(sys.argv[3])))
if sys.argv[1] == "SOCK_STREAM":
    s.listen()
print("taken", flush=True)
time.sleep(60)' "$@"
	TAKEN=$STARTED
	wait_until 10 grep -q taken "$NET_DIR/taken" || bail "$2 port $3 can be taken"
}

{
	agent_yaml
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		pools:
		  - name: main
		    origins: [{ name: a, address: 192.0.2.1 }]
		load_balancers:
	END
	lb_yaml www.example.org main main
	echo "records: [{ type: A, name: one.example.org, content: 192.0.2.77 }]"
} >"$config"

# A DNS address.
taken SOCK_DGRAM $DNS4 53
check "an agent whose DNS address is taken starts" agent_start bal "$config"
check "and says which" grep -E "dns.*$DNS4:53.*in use" "${AGENT_LOG[bal]}"
is "its status names none as open" "$(status bal '.dns.listen | length')" 0
sed -i 's/192.0.2.77/192.0.2.78/' "$config"
check "other changes are taken meanwhile" agent_reload bal
stop "$TAKEN"
check "when it is free DNS begins by itself" wait_until 5 status_is bal '.dns.listen | length' 2
is "and answers" "$(in_ns client dig @$DNS4 +short +tries=1 +time=2 one.example.org A)" 192.0.2.78
at_most "the log is not filled" "$(grep -c 'in use' "${AGENT_LOG[bal]}")" 2
check "the agent ends well" agent_term bal
agent_detach bal
check "no sanitizer report" no_sanitizer_report
finish
