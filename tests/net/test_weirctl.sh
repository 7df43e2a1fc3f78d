#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# weirctl: exit statuses, and what it makes of an agent that is none, is hostile or is of another
# version.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
said=$NET_DIR/said

# Each path of the address is a port: what is answered there, whatever is asked.
start client "$NET_DIR/answers" python3 -c '
import http.server, json, threading
evil = "x\x1b[2J\x07\x9b2J\x7f\r\ny"
texts = lambda keys: {k: evil for k in keys.split()}
status = {
    **texts("version node region started_at table_digest"),
    "config": {**texts("file loaded_at error"), "revision": 1},
    "interfaces": [{**texts("name mode"), "shared": True}],
    "services": [{**texts("vip protocol load_balancer pool forwarding"), "port": 80, "rows": 3,
                  "endpoints": [{"address": evil, "rows": 3}]}],
    "load_balancers": [texts("name pool")],
    "pools": [{**texts("id name state monitor"),
               "origins": [texts("name address state reason since")]}],
    "packets": [{**texts("reason text"), "packets": 1, "bytes": 1}],
    "dns": {"listen": [evil], "filter": [{**texts("reason text"), "packets": 1}]},
}
answers = [(200, json.dumps(status)), (500, json.dumps({"error": evil})), (200, "{}"),
           (200, "<html>"), (404, "[]"), (200, "")]
def serve(port, code, body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body.encode())
    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
for i, (code, body) in enumerate(answers):
    threading.Thread(target=serve, args=(7000 + i, code, body)).start()
'
for port in 7000 7001 7002 7003 7004 7005; do
	wait_until 10 in_ns client bash -c ": </dev/tcp/127.0.0.1/$port" || bail "the false agents answer"
done

# exits STATUS ARGUMENT...: weirctl ends so, and says something.
exits() {
	local want=$1

	shift
	in_ns client timeout -s ABRT 20 "$WEIR_BIN/weirctl" "$@" >"$said" 2>&1
	is "weirctl $*: exit $want" \
		"$? $([ -s "$said" ] && echo said) $(grep -aoE 'Sanitizer|runtime error' "$said" | head -n 1)" "$want said "
}
# Whatever would move a cursor, by itself or as a character of the upper half.
clean() { ! tr -d '\n' <"$said" | LC_ALL=C grep -aqP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]'; }

exits 0 --help
exits 0 --version
exits 2
exits 2 stat
exits 2 status more
exits 2 --no-such-option status
exits 2 --control localhost status
exits 1 --control 127.0.0.1:6999 status
check "who cannot be reached is named" grep -F 127.0.0.1:6999 "$said"
exits 0 -c 127.0.0.1:7000 status
check "a hostile agent's control characters stay out" clean
is "its fields are shown where they belong" "$(grep -cE '^(node|config|digest|interfaces) ' "$said")" 4
note "$(head -n 2 "$said" | tail -n 1)"
exits 1 -c 127.0.0.1:7001 status
check "so do those of an error" clean
exits 0 -c 127.0.0.1:7002 status
exits 0 -c 127.0.0.1:7002 status --json
is "--json is what the agent said" "$(jq -c . "$said")" '{}'
for port in 7003 7004 7005; do exits 1 -c 127.0.0.1:$port status; done
finish
