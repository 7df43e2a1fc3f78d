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
	WEIR_EXIT_FAILED = 1,  /* the world: no permission, a port in use, no agent to talk to */
	WEIR_EXIT_INPUT = 2,   /* the operator's input: bad options, a bad configuration */
	WEIR_EXIT_DIFFERS = 3, /* weirctl diff: something does */
};

/* GET: the agent's state as one JSON object. Times are RFC 3339 UTC, counters since the maps were
 * made (they outlive agents), absent strings are null.
 *
 * { "version", "node", "region", "started_at",
 *   "config": { "file", "loaded_at", "revision": int, "error": null | string,
 *               "notes": [ { "path", "text" } ] (values that have no effect, or another one
 *                                              than their words say) },
 *   "store": null (none is configured) | { "file", "revision": int (of the last change) },
 *   "table_digest": "16 hex digits",
 *   "interfaces": [ { "name", "mode": "native|generic|detached|none (no VIP, and
 *                              agent.dns.kernel is not xdp: nothing to do)", "shared": bool } ],
 *   "services": [ { "vip", "protocol": "tcp|udp", "port", "load_balancer", "pool": null | id,
 *                   "fallback": bool, "forwarding": "ipip|l2|gue|nat|fullnat", "rows": int,
 *                   "endpoints": [ { "address", "port": null (packets keep theirs) | int,
 *                                    "rows": int } ] } ],
 *   "load_balancers": [ { "name", "enabled", "proxied",
 *                         "state": "healthy|degraded|critical|disabled",
 *                         "pool": null | id, "fallback": bool } ],
 *   "pools": [ { "id", "name", "enabled", "state": "healthy|degraded|critical|unknown|disabled",
 *                "usable": bool, "panic": bool (so few are healthy that all serve),
 *                "note": null | string (why it does what its state does not say),
 *                "override": OVERRIDE, "healthy": int, "minimum_origins", "quorum",
 *                "panic_threshold", "monitor": null | id, "monitor_group": null | id,
 *                "origins": [ { "name", "address", "host_name": null | name (that has this
 *                               address; it is the address while it has none), "port": null |
 *                               int, "enabled", "weight" (an address's share),
 *                               "weight_percent": int (of it, by its slow start),
 *                               "state": "healthy|unhealthy|unknown|unmonitored|draining",
 *                               "reason", "override": OVERRIDE (its own, or its pool's),
 *                               "checks": [ { "monitor": id, "votes": bool,
 *                                             "must_be_healthy": bool, "state", "reason",
 *                                             "checked": null | time, "rtt_us",
 *                                             "status": int } ] (of a monitor group),
 *                               "damped": bool (it failed too often, and waits),
 *                               "since", "checked": null | time,
 *                               "rtt_us", "status": int, "connections", "packets",
 *                               "bytes", "next_hop": null (no packets go there) | bool,
 *                               "open": null (not counted) | int,
 *                               "max_conn": null (no limit) | int,
 *                               "ejected": bool (live traffic says that it does not answer),
 *                               "live": { "connections", "unanswered" (whose SYN came again),
 *                                         "moved" (SYNs sent elsewhere for that),
 *                                         "refused" (by RST, or ICMP errors say so) } } ] } ],
 *   "packets": [ { "reason": "FORWARD", "drop": bool, "text", "packets", "bytes" } ],
 *   "dns": { "listen", "tls_listen": [ "address:port" ] (those that are open), "udp_queries",
 *            "udp_answers", "tls_connections", "tls_failures" (of them, that ended before it was
 * up), "tcp_queries", "tcp_answers", "tcp_connections", "send_errors", "workers": [ { "cpu": int,
 * "queries", "answers" } ] (of UDP), "kernel": { "road": "xdp|tc|off", "answers" (that are
 * prepared), "written" (since the start) }, "filter": [ { "reason", "drop": bool, "text",
 * "packets", "bytes" } ] }, "usage": { "services", "endpoints", "draining_endpoints", "rows",
 * "unsettled_rows", "max_rows", "table_limit" (no table has more rows), "crowded" (load balancers
 * whose tables have fewer than suit them, for want of max_rows) } } OVERRIDE: null | { "state":
 * "up|down|draining", "reason", "by", "since": null | time, "until": null (for ever) | time }: what
 * was said by hand. */
#define WEIR_API_STATUS "/weir/v1/status"

/* GET ?name=...[&type=A][&client=ADDRESS][&subnet=PREFIX]: what would be answered to this resolver
 * (client) with this client subnet, and which rule says so, a step for the name and one for each
 * alias.
 *
 * { "rcode": int, "authoritative": bool,
 *   "steps": [ { "name", "kind": "outside|delegated|name|wildcard|empty|missing",
 *                "zone": null | name, "by": null | name (that answers, or the delegation),
 *                "from": null | "load balancer|records|zone file",
 *                "load_balancer": null | { "rules": [ name ] (that hold),
 *                  "pool_set": null | name (that is for this client), "name",
 *                  "proxied": bool, "steering_policy" (without the pool set),
 *                  "fallback": bool,
 *                  "location": null (not known, or not asked) | { "country", "region",
 *                                                                 "by": "subnet|resolver" },
 *                  "members": [ { "pool", "origin", "address", "weight": int,
 *                                 "answered": bool, "state", "reason" } ] } } ],
 *   "answer", "authority", "additional": [ "a line of a zone file" ] } */
#define WEIR_API_DNS_EXPLAIN "/weir/v1/dns/explain"

/* GET ?name=...: a zone as a file, with what is answered by chance or health as it is at present.
 * { "zone", "file" } */
#define WEIR_API_ZONE_FILE "/weir/v1/zone-file"

/* GET: how many packets and DNS queries ended for each reason, as in the status. Small, to be asked
 * again and again; clock_ms is monotonic, for rates.
 *
 * { "node", "time", "clock_ms": int,
 *   "reasons": [ { "reason": "FORWARD", "drop": bool, "text", "packets", "bytes" } ] } */
#define WEIR_API_REASONS "/weir/v1/reasons"

/* GET: what became of DNS queries since the agent began. Zones are all there were, also those that
 * a reload has taken away. Names are those in our zones that are asked for most, at most 100: each
 * was asked for at most so often, and at least so often without over.
 *
 * { "node",
 *   "outcomes": [ { "outcome": "ANSWER", "text", "queries" } ],
 *   "zones": [ { "zone", "queries", "outcomes": { "ANSWER": int, ... (but for 0) } } ],
 *   "names": [ { "name", "queries", "over" } ],
 *   "workers": [ { "cpu": int, "queries", "answers" } ] (of UDP),
 *   "dnstap": null | { "open": bool (somebody takes it), "sampled", "written" (messages since it
 *                      began), "lost" (there was no room for them) } } */
#define WEIR_API_DNS "/weir/v1/dns"

/* GET: how long handshakes took, from a client's SYN to the segment that ends the handshake, as the
 * balancer saw them; since the endpoint is known, of one flow in sample. Times are those that a
 * share of them did not exceed, within a quarter. Regions are those of agent.client_regions.
 *
 * { "node", "sample": int,
 *   "pools": [ { "pool": id, "regions": [ { "region": null (of none) | name, "handshakes": int,
 *                                           "p50_us", "p90_us", "p99_us" } ] } ] } */
#define WEIR_API_HANDSHAKES "/weir/v1/handshakes"

/* GET: what holds by hand, from the configuration and from here.
 *
 * { "node", "overrides": [ { "pool": id, "origin": null (the pool as a whole) | name, "state": ...
 *                            (the members of an OVERRIDE of the status) } ] }
 *
 * PUT .../POOL or .../POOL/ORIGIN (id and name): says that from now on, in place of what was said
 * here before.
 *
 * { "state": "up|down|draining", "reason", "by": optional, who says so,
 *   "for": optional, seconds (at most 30 days), or "until": optional, an RFC 3339 time }
 *
 * up: it counts as healthy whatever monitors and live traffic say; down: it gets no new flows and
 * keeps none; draining: it gets no new flows. What is said of an origin counts more than what is
 * said of its pool, and what is said here more than what the configuration says. It lasts until its
 * time is over or until it is taken back; with agent.store also while no agent runs, else until it
 * ends.
 * DELETE: takes it back; 404 if nothing was said here. */
#define WEIR_API_OVERRIDES "/weir/v1/overrides"

/* GET: zones, and the keys of those that are signed.
 *
 * { "node", "zones": [ { "name", "file": null | path,
 *     "dnssec": null | { "keys": "csk|zsk_ksk", "next": null | string (what comes next, or what the
 *                        operator is to do), "signing": bool (its file is being signed),
 *                        "ring": [ { "role": "csk|ksk|zsk",
 *                                    "state": "published|ready|active|retired", "tag": int,
 *                                    "since": time, "until": null | time (of published, retired),
 *                                    "signs_zone": bool, "signs_keys": bool,
 *                                    "ds": null | record (that the parent is to have),
 *                                    "dnskey": record } ] } } ] }
 *
 * POST .../NAME/roll with { "role": "csk|ksk|zsk" } (csk: or nothing): begins to replace that key.
 * POST .../NAME/ds-seen: the parent has the DS of the key that is ready, and no other. 400: not
 * now. */
#define WEIR_API_ZONES "/weir/v1/zones"

/* GET ?after=ID&limit=N&pool=ID: what happened to pools and origins, newest first: those with an id
 * above after, 50 of them unless limit (at most 1000) says otherwise. 503: there is no agent.store.
 *
 * { "events": [ { "id": int, "timestamp",
 *                 "pool": { "id", "name", "healthy": bool, "changed": bool, "minimum_origins" },
 *                 "origins": [ { "name", "address", "ip", "enabled", "healthy", "changed",
 *                                "failure_reason" } ] } ] } */
#define WEIR_API_EVENTS "/weir/v1/events"

/* Objects as tools/weir.yaml has them: those of the configuration file, which only the file
 * changes, and those of the store.
 *
 * OBJECT: { "kind": "monitor|monitor_group|pool|load_balancer|zone|record", "id",
 *           "file": bool (it stands in the configuration file), "object": { ... } }
 *
 * GET, GET .../KIND: { "objects": [ OBJECT ] }; GET .../KIND/ID: OBJECT; 404: there is none.
 * POST .../KIND with an object: makes one; its id is 32 hexadecimal digits, if it has none. Others
 * are of 1 to 255 bytes without / and control characters, and not . or ..; of monitors, groups,
 * pools and load balancers: of letters, digits, - _ and dots.
 * PUT .../KIND/ID with an object: it is that from now on. PATCH .../KIND/ID: members of the body
 * take the place of those that are there, null takes one away. DELETE .../KIND/ID: it is gone.
 *
 * A change that is accepted is durable and in effect: { "kind", "id", "revision": int (of the
 * store), "notes": [ { "path", "text" } ] (absent: there is nothing to say) }. 400: it is not what
 * it must be; 409: the file's, or in use; 503: there is no agent.store. */
#define WEIR_API_OBJECTS "/weir/v1/objects"

/* POST { "changes": [ { "kind", "id", "object": null (it is gone) | { ... } } ] }: all of them or
 * none, at most 4096: { "changes": int, "revision", "notes" }. */
#define WEIR_API_CHANGES "/weir/v1/changes"

/* GET ?src=ADDR:PORT&dst=ADDR:PORT&proto=tcp|udp[&flags=ack|syn][&quic_id=HEX]: what the packet
 * path does with a packet of this flow (of TCP: one in the middle of it, or its SYN; of UDP: a
 * datagram of nothing, or a QUIC packet with a short header and this connection id), and why. It is
 * asked, not told again: a packet runs through the very program over the maps as they are, and
 * changes nothing.
 *
 * { "flow": { "source", "destination", "protocol", "flags": null | "ack|syn",
 *             "quic_id": null | HEX },
 *   "action": "forward|reply|pass|drop", "reason": "FORWARD", "text",
 *   "service": null | { "vip", "protocol", "port", "load_balancer", "quic": bool },
 *   "table": null | { "rows": int, "base": int (of all rows) },
 *   "way": null (clients are not told apart) | { "location": int (0: no prefix holds the client),
 *       "moving": bool (older flows remember another location), "class": int, "slice": int (of
 *       1024), "at_rest": bool, "sessions": bool (clients with an affinity follow, too),
 *       "current": TABLE, "previous": null (at rest) | TABLE, which older flows use },
 *   "row": null | { "index": int, "at_rest": bool, "current": ENDPOINT,
 *                   "previous": ENDPOINT (at rest: null), "datagrams": "current|previous" },
 *   "record": null (not looked for: the row is at rest) | { "found": bool, "endpoint": ENDPOINT },
 *   "connections": null (not a new flow of a service that counts them) | { "open": int,
 *       "max_conn": null | int (of the row's endpoint), "other_row": int (0: its own; else the
 *       nth that was asked instead, and gave it its endpoint, or none either) },
 *   "endpoint": ENDPOINT,
 *   "translated": null | { "source", "destination" } (with which it leaves) }
 * TABLE is as "table". ENDPOINT: null (none) | { "slot", "address", "port": null (packets keep
 * theirs) | int, "forwarding", "pool": null | id, "origin", "alive": bool (recorded flows may
 * stay), "draining": bool, "interface": null (no next hop is known) | name, "mac": null | "06:..."
 * } */
#define WEIR_API_TRACE "/weir/v1/trace"

/* GET ?type=monitor|monitor_group|pool|load_balancer&id=ID: who refers to this object (referrer),
 * and to whom it refers (referral). A pool is in use by every load balancer that may send something
 * there, whatever its policy: an object in use is not to be removed, and why says who uses it. 404:
 * there is none.
 *
 * { "type", "id", "removable": bool, "why" (absent: it is),
 *   "references": [ { "reference_type": "referrer|referral", "resource_type", "resource_id",
 *                     "resource_name", "field" (the first that refers) } ] } */
#define WEIR_API_REFERENCES "/weir/v1/references"

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

/* --- what has to do with the store: agent.control only, but for openapi.json --- */

#define WEIR_API_PREFIX "/weir/v1/"

/* GET: an OpenAPI 3.1 document of all that is served, the vendors' paths, too. */
#define WEIR_API_OPENAPI "/weir/v1/openapi.json"

/* Tokens, with which everything but agent.control is asked. Only their hashes are stored. Times are
 * milliseconds since 1970.
 *
 * GET: { "tokens": [ { "id", "name", "scope": "read|write", "created", "used": null | int (to the
 *                      hour) } ] }
 * POST { "name", "scope" }: { "id", "name", "scope", "token" (told this once) }. 409: another token
 * has that name.
 * DELETE .../NAME: it is good for nothing any more. 404: there is none. */
#define WEIR_API_TOKENS "/weir/v1/tokens"

/* GET ?before=REVISION&limit=N (each optional; at most 1000, default 50): what was changed, newest
 * first.
 *
 * { "revision": int (the present one),
 *   "history": [ { "revision", "at": ms, "who" (a token's name), "from" (an address), "what",
 *                  "changes": [ { "kind", "id", "before": null | object,
 *                                 "after": null | object } ] } ] } */
#define WEIR_API_HISTORY "/weir/v1/history"

/* POST { "revision": int }: a new revision, in which all objects are what they were after that one
 * (0: before the first). { "revision": int (the new one), "changes": int }. 404: there is no such
 * revision. 409: the objects do not go with the configuration file as it is now. */
#define WEIR_API_ROLLBACK "/weir/v1/rollback"

/* POST { "path" }: writes a copy of the store to this absolute path, on the agent's machine; it
 * must not exist (409). { "path", "revision" }. The agent does nothing else meanwhile; packets and
 * DNS answers over UDP go on. */
#define WEIR_API_BACKUP "/weir/v1/backup"

#endif
