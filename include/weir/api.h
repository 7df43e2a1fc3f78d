/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api.h - what the agent and its clients share: REST paths, exit codes, the shape of the status. */
#ifndef WEIR_API_H
#define WEIR_API_H

#define WEIR_VERSION         "0.1.0"
#define WEIR_DEFAULT_CONFIG  "/etc/weir/weir.yaml"
#define WEIR_DEFAULT_CONTROL "127.0.0.1:8650"
#define WEIR_DEFAULT_PIN     "/sys/fs/bpf/weir"

/* Exit codes of every weir program. */
enum weir_exit {
	WEIR_EXIT_OK = 0,
	WEIR_EXIT_FAILED = 1, /* the world: no permission, a port in use, no agent to talk to */
	WEIR_EXIT_INPUT = 2,  /* the operator's input: bad options, a bad configuration */
};

/* GET: the agent's state as one JSON object. Times are RFC 3339 UTC, counters since the maps were
 * made (they outlive agents), absent strings are null.
 *
 * { "version", "node", "region", "started_at",
 *   "config": { "file", "loaded_at", "revision": int, "error": null | string },
 *   "table_digest": "16 hex digits",
 *   "interfaces": [ { "name", "mode": "native|generic|detached", "shared": bool } ],
 *   "services": [ { "vip", "protocol": "tcp|udp", "port", "load_balancer", "pool": null | id,
 *                   "fallback": bool, "forwarding": "ipip|l2|gue", "rows": int,
 *                   "endpoints": [ { "address", "rows": int } ] } ],
 *   "load_balancers": [ { "name", "enabled", "proxied", "pool": null | id, "fallback": bool } ],
 *   "pools": [ { "id", "name", "enabled", "state", "healthy": int, "minimum_origins",
 *                "monitor": null | id,
 *                "origins": [ { "name", "address", "enabled", "weight", "state", "reason",
 *                               "since", "checked": null | time, "rtt_us", "status": int,
 *                               "connections", "packets", "bytes",
 *                               "next_hop": null (no packets go there) | bool } ] } ],
 *   "packets": [ { "reason": "FORWARD", "drop": bool, "text", "packets", "bytes" } ],
 *   "dns": { "listen": [ "address:port" ] (those that are open), "udp_queries", "udp_answers",
 *            "tcp_queries", "tcp_answers", "tcp_connections", "send_errors",
 *            "filter": [ { "reason", "drop": bool, "text", "packets", "bytes" } ] },
 *   "usage": { "services", "endpoints", "draining_endpoints", "rows", "unsettled_rows",
 *              "max_rows" } } */
#define WEIR_API_STATUS "/weir/v1/status"

/* GET: how many packets and DNS queries ended for each reason, as in the status. Small, to be asked
 * again and again; clock_ms is monotonic, for rates.
 *
 * { "node", "time", "clock_ms": int,
 *   "reasons": [ { "reason": "FORWARD", "drop": bool, "text", "packets", "bytes" } ] } */
#define WEIR_API_REASONS "/weir/v1/reasons"

/* GET ?src=ADDR:PORT&dst=ADDR:PORT&proto=tcp|udp[&flags=ack|syn]: what the packet path does with a
 * packet of this flow (of TCP: one in the middle of it, or its SYN), and why. It is asked, not told
 * again: a packet runs through the very program over the maps as they are, and changes nothing.
 *
 * { "flow": { "source", "destination", "protocol", "flags": null | "ack|syn" },
 *   "action": "forward|reply|pass|drop", "reason": "FORWARD", "text",
 *   "service": null | { "vip", "protocol", "port", "load_balancer" },
 *   "table": null | { "rows": int, "base": int (of all rows) },
 *   "row": null | { "index": int, "at_rest": bool, "current": ENDPOINT,
 *                   "previous": ENDPOINT (at rest: null), "datagrams": "current|previous" },
 *   "record": null (not looked for: the row is at rest) | { "found": bool, "endpoint": ENDPOINT },
 *   "endpoint": ENDPOINT }
 * ENDPOINT: null (none) | { "slot", "address", "forwarding", "pool": null | id, "origin",
 *   "alive": bool (recorded flows may stay), "draining": bool, "interface": null (no next hop is
 *   known) | name, "mac": null | "06:..." } */
#define WEIR_API_TRACE "/weir/v1/trace"

/* GET ?src=&dst=&sport=&dport=&proto=&reason=&at=&snaplen=&count=&seconds=&sample=&rate=, each of
 * them optional: packets as a pcapng file (application/x-pcapng) that grows while they come, with
 * the reason of each and its endpoint as its comment. Interfaces are "NAME in" and "NAME out": as
 * packets came, and as they leave.
 *
 *   src, dst      address or network          reason   name, ... or drops
 *   sport, dport  1 .. 65535                  at       in | out | both (default)
 *   proto         tcp | udp | icmp            snaplen  14 .. 16384 bytes of a packet (default all)
 *   count         of packets, default 1000    sample   1/N: one of N, at random
 *   seconds       0.1 .. 86400, default 60    rate     N/s: packets a second at the most
 *
 * An ICMP error about a flow has its addresses and ports. The file ends when count or seconds are
 * reached, or when the client shuts its side of the connection down; then the trailer below has
 * a sentence with the numbers, which also stands in the file. 409: a capture is running, or
 * nothing is attached. */
#define WEIR_API_CAPTURE         "/weir/v1/capture"
#define WEIR_API_CAPTURE_TRAILER "Weir-Capture"

#endif
