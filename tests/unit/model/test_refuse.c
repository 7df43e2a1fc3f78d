/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_refuse.c - documents that must be refused: where, in which words, at which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/model.h"
#include "model/yaml.h"

#define POOL "pools: [{name: web, origins: [{name: a, address: 10.0.0.1}]}]\n"
#define TWO                                                               \
	"pools: [{name: web, origins: [{name: a, address: 10.0.0.1}]},\n" \
	"        {name: six, origins: [{name: a, address: fd00::1}]}]\n"
#define LB    "default_pools: [web], fallback_pool: web"
#define AGENT "agent: {vips: [192.0.2.1, '2001:db8::1']}\n"
#define ZONE  "zones: [{name: example.com, ns: [ns.example.net]}]\n"
#define VIA   "proxied: true, listeners: [tcp/80], " LB

struct bad {
	const char *says; /* the sentence that must stay true */
	const char *text, *path, *fragment;
	unsigned line;
};

static const struct bad documents[] = {
	/* the whole */
	{ "a document that is a list", "[1]", "", "must be a mapping, not a list", 1 },
	{ "a document that is a text", "hello", "", "must be a mapping, not a text", 1 },
	{ "an unknown section", "\npool: []", "pool", "did you mean \"pools\"", 2 },
	{ "an unknown section that resembles none", "x: 1", "x",
	  "unknown key \"x\"; allowed: agent", 1 },
	{ "a section that is not a list", "pools: {}", "pools", "must be a list, not a mapping",
	  1 },
	{ "an object that is a text", "pools: [x]", "pools[0]", "must be a mapping, not a text",
	  1 },
	/* agent */
	{ "an empty list of interfaces", "agent: {interfaces: []}", "agent.interfaces",
	  "has 0 items", 1 },
	{ "an interface name of 16 characters", "agent: {interfaces: [abcdefghijklmnop]}",
	  "agent.interfaces[0]", "1 to 15 characters", 1 },
	{ "an interface name with a slash", "agent: {interfaces: [eth0, a/b]}",
	  "agent.interfaces[1]", "not an interface name", 1 },
	{ "an interface that is listed twice", "agent: {interfaces: [eth0, eth0]}",
	  "agent.interfaces[1]", "twice", 1 },
	{ "an unknown attach mode", "agent:\n  attach: fast", "agent.attach",
	  "\"fast\" is not one of: auto, native, generic", 2 },
	{ "a VIP that is no address", "agent:\n  vips:\n    - 192.0.2.1\n    - 192.0.2",
	  "agent.vips[1]", "not an IPv4 or IPv6 address", 4 },
	{ "a VIP that is listed twice", "agent: {vips: ['2001:db8::1', '2001:DB8:0::1']}",
	  "agent.vips[1]", "2001:db8::1 is listed twice", 1 },
	{ "a VIP that is multicast", "agent: {vips: [224.0.0.1]}", "agent.vips[0]",
	  "not the address of one machine", 1 },
	{ "a VIP of all zeros", "agent: {vips: ['::']}", "agent.vips[0]",
	  "not the address of one machine", 1 },
	{ "a mapped IPv4 VIP", "agent: {vips: ['::ffff:192.0.2.1']}", "agent.vips[0]",
	  "not an IPv4 or IPv6", 1 },
	{ "a DNS address with a bad port", "agent: {dns: {listen: ['192.0.2.1:0']}}",
	  "agent.dns.listen[0]", "not an address and port", 1 },
	{ "a DNS address that is listed twice",
	  "agent: {dns: {listen: ['192.0.2.1', '192.0.2.1:53']}}", "agent.dns.listen[1]", "twice",
	  1 },
	{ "a control address that is a name", "agent: {control: 'localhost:8650'}", "agent.control",
	  "192.0.2.1:8650", 1 },
	{ "a relative pin path", "agent: {pin_path: sys/fs/bpf}", "agent.pin_path", "absolute", 1 },
	{ "a pin path that leads up", "agent: {pin_path: /sys/fs/bpf/../x}", "agent.pin_path",
	  "must not hold ..", 1 },
	{ "a pin path that ends upwards", "agent: {pin_path: /sys/..}", "agent.pin_path", "..", 1 },
	{ "a short hash key", "agent: {hash_key: 00ff}", "agent.hash_key",
	  "32 hexadecimal digits, not 4", 1 },
	{ "a hash key that is not hexadecimal",
	  "agent: {hash_key: 0123456789abcdef0123456789abcdeg}", "agent.hash_key", "hexadecimal",
	  1 },
	{ "rows that are no power of two", "agent: {max_rows: 5000000}", "agent.max_rows",
	  "power of two", 1 },
	{ "rows for less than a table", "agent: {max_rows: 32768}", "agent.max_rows", "65536", 1 },
	{ "more rows than 1 GiB", "agent: {max_rows: 268435456}", "agent.max_rows", "134217728",
	  1 },
	{ "a hash key of zeros", "agent: {hash_key: '00000000000000000000000000000000'}",
	  "agent.hash_key", "all zero", 1 },
	{ "a GUE port of nothing", "agent: {gue_port: 0}", "agent.gue_port",
	  "0 is not from 1 to 65535", 1 },
	{ "a GUE port beyond 16 bits", "agent: {gue_port: 65536}", "agent.gue_port",
	  "65536 is not from 1 to 65535", 1 },
	{ "an outer source that is no list", "agent: {outer_source: 192.0.2.0/24}",
	  "agent.outer_source", "must be a list", 1 },
	{ "an outer source that is no prefix", "agent: {outer_source: [192.0.2.0/33]}",
	  "agent.outer_source[0]", "\"192.0.2.0/33\" is not a prefix, as in 192.0.2.128/25", 1 },
	{ "an outer source with bits behind its length",
	  "agent:\n  outer_source:\n  - '2001:db8::/64'\n  - 192.0.2.1/24\n",
	  "agent.outer_source[1]", "bits behind the length must be 0", 4 },
	{ "an outer source of almost everything", "agent: {outer_source: ['2000::/3']}",
	  "agent.outer_source[0]", "shorter than 8 bits", 1 },
	{ "an outer source of groups", "agent: {outer_source: [239.0.0.0/24]}",
	  "agent.outer_source[0]", "addresses of one machine", 1 },
	{ "two outer sources of one family",
	  "agent: {outer_source: [192.0.2.0/25, 192.0.2.128/25]}", "agent.outer_source[1]",
	  "second prefix of its family", 1 },
	{ "three outer sources", "agent: {outer_source: [192.0.2.1, 'fd00::1', 192.0.2.2]}",
	  "agent.outer_source", "has 3 items, not 0 to 2", 1 },
	{ "an outer source that holds a VIP",
	  "agent:\n  outer_source: ['fd00::1', 192.0.2.0/25]\n  vips: [192.0.2.200, 192.0.2.7]\n",
	  "agent.outer_source", "holds 192.0.2.7, a VIP", 2 },
	{ "an unknown region", "agent: {region: EU}", "agent.region", "WEU", 1 },
	{ "a drain longer than a day", "agent: {drain_duration: 86401}", "agent.drain_duration",
	  "86401 is not from 0 to 86400", 1 },
	{ "a node name with a space", "agent: {node: 'lb 1'}", "agent.node", "letters, digits", 1 },
	/* zones */
	{ "a zone without name servers", "zones: [{name: example.com}]", "zones[0]",
	  "ns is missing", 1 },
	{ "a zone with an empty list of name servers", "zones: [{name: example.com, ns: []}]",
	  "zones[0].ns", "has 0 items", 1 },
	{ "a zone that is there twice",
	  "zones:\n- {name: a.b, ns: [c.d]}\n- {name: A.b., ns: [c.d]}\n", "zones[1].name",
	  "\"a.b\" is zones[0] already", 3 },
	{ "a mailbox with an at sign", "zones: [{name: a.b, ns: [c.d], rname: h@a.b}]",
	  "zones[0].rname", "written with dots", 1 },
	{ "a serial beyond 32 bits", "zones: [{name: a.b, ns: [c.d], serial: 4294967296}]",
	  "zones[0].serial", "4294967296 is not from 0 to 4294967295", 1 },
	{ "a zone name with an empty label", "zones: [{name: a..b, ns: [c.d]}]", "zones[0].name",
	  "empty label", 1 },
	{ "an empty zone name", "zones: [{name: '', ns: [c.d]}]", "zones[0].name", "empty label",
	  1 },
	/* monitors */
	{ "a monitor without an id", "monitors: [{type: http}]", "monitors[0]", "id is missing",
	  1 },
	{ "a monitor id that is a number", "monitors: [{id: 5}]", "monitors[0].id",
	  "put it in quotes", 1 },
	{ "two monitors of one id", "monitors:\n- id: m\n- id: m\n", "monitors[1].id",
	  "\"m\" is monitors[0] already", 3 },
	{ "a monitor type of a later version", "monitors: [{id: m, type: icmp_ping}]",
	  "monitors[0].type", "probes with http and tcp", 1 },
	{ "an unknown monitor type", "monitors: [{id: m, type: ping}]", "monitors[0].type",
	  "one of: http, tcp", 1 },
	{ "an interval of nothing", "monitors: [{id: m, interval: 0}]", "monitors[0].interval",
	  "0 is not from 0.1 to 3600", 1 },
	{ "a negative interval", "monitors: [{id: m, interval: -5}]", "monitors[0].interval",
	  "-5 is not from", 1 },
	{ "an interval that is a text", "monitors: [{id: m, interval: 5s}]", "monitors[0].interval",
	  "not a text", 1 },
	{ "an interval of half a millisecond", "monitors: [{id: m, interval: 1.0005}]",
	  "monitors[0].interval", "steps of 0.001", 1 },
	{ "a timeout longer than the interval",
	  "monitors:\n- id: m\n  interval: 1\n  timeout: 1.5\n", "monitors[0].timeout",
	  "1.5 s is longer than the interval of 1 s", 4 },
	{ "retries that are a fraction", "monitors: [{id: m, retries: 1.5}]", "monitors[0].retries",
	  "whole number", 1 },
	{ "six retries", "monitors: [{id: m, retries: 6}]", "monitors[0].retries", "from 0 to 5",
	  1 },
	{ "a monitor port beyond 65535", "monitors: [{id: m, port: 65536}]", "monitors[0].port",
	  "65536 is not from 0 to 65535", 1 },
	{ "codes that are none", "monitors: [{id: m, expected_codes: 2x}]",
	  "monitors[0].expected_codes", "not a list of status codes", 1 },
	{ "codes that end with a comma", "monitors: [{id: m, expected_codes: '200,'}]",
	  "monitors[0].expected_codes", "status codes", 1 },
	{ "a code that is a number", "monitors: [{id: m, expected_codes: 200}]",
	  "monitors[0].expected_codes", "put it in quotes", 1 },
	{ "a path that does not begin with a slash", "monitors: [{id: m, path: health}]",
	  "monitors[0].path", "must begin with /", 1 },
	{ "a path with a line break", "monitors: [{id: m, path: \"/a\\r\\nX: y\"}]",
	  "monitors[0].path", "/a??X: y", 1 },
	{ "an unknown method", "monitors: [{id: m, method: get}]", "monitors[0].method",
	  "GET, HEAD", 1 },
	{ "a body that HEAD cannot have", "monitors: [{id: m, method: HEAD, expected_body: ok}]",
	  "monitors[0].expected_body", "HEAD", 1 },
	{ "a header that is no list", "monitors: [{id: m, header: {Host: a.b}}]",
	  "monitors[0].header.Host", "list of texts", 1 },
	{ "a header name with a space", "monitors: [{id: m, header: {a b: [c]}}]",
	  "monitors[0].header.a b", "not a header name", 1 },
	{ "a header value with a line break", "monitors: [{id: m, header: {A: [\"b\\nc\"]}}]",
	  "monitors[0].header.A[0]", "control character", 1 },
	{ "a user agent", "monitors: [{id: m, header: {user-agent: [x]}}]",
	  "monitors[0].header.user-agent", "cannot be set", 1 },
	{ "codes for a tcp monitor", "monitors: [{id: m, type: tcp, expected_codes: 2xx}]",
	  "monitors[0].expected_codes", "for http monitors", 1 },
	{ "a tcp monitor that no port is known for",
	  "monitors: [{id: m, type: tcp}]\npools:\n- name: web\n  monitor: m\n  origins:\n"
	  "  - {name: a, address: 10.0.0.1, port: 80}\n  - {name: b, address: 10.0.0.2}\n",
	  "pools[0].origins[1]", "its tcp monitor \"m\"", 7 },
	/* pools */
	{ "a pool without a name", "pools: [{origins: []}]", "pools[0]", "name is missing", 1 },
	{ "a pool without origins", "pools: [{name: a}]", "pools[0]", "origins is missing", 1 },
	{ "a pool with no origin", "pools: [{name: a, origins: []}]", "pools[0].origins",
	  "has 0 items", 1 },
	{ "a pool name with a dot", "pools: [{name: a.b, origins: [{name: a, address: 10.0.0.1}]}]",
	  "pools[0].name", "letters, digits, - and _", 1 },
	{ "two pools of one name",
	  "pools:\n- {name: a, origins: [{name: a, address: 10.0.0.1}]}\n"
	  "- {name: a, id: b, origins: [{name: a, address: 10.0.0.1}]}\n",
	  "pools[1].name", "pools[0] already", 3 },
	{ "two pools of one id",
	  "pools:\n- {name: a, origins: [{name: a, address: 10.0.0.1}]}\n"
	  "- {name: b, id: a, origins: [{name: a, address: 10.0.0.1}]}\n",
	  "pools[1].id", "pools[0] already", 3 },
	{ "a misspelt weight",
	  "pools:\n- name: a\n  origins:\n  - name: a\n    address: 10.0.0.1\n    wieght: 1\n",
	  "pools[0].origins[0].wieght", "unknown key \"wieght\", did you mean \"weight\"?", 6 },
	{ "a weight above 1",
	  "pools: [{name: a, origins: [{name: a, address: 10.0.0.1, weight: 2}]}]",
	  "pools[0].origins[0].weight", "2 is not from 0 to 1", 1 },
	{ "a weight of a thousandth",
	  "pools: [{name: a, origins: [{name: a, address: 10.0.0.1, weight: 0.075}]}]",
	  "pools[0].origins[0].weight", "steps of 0.01", 1 },
	{ "an address that is a host name",
	  "pools: [{name: a, origins: [{name: a, address: web.example.com}]}]",
	  "pools[0].origins[0].address", "this version needs addresses", 1 },
	{ "an origin address that is multicast",
	  "pools: [{name: a, origins: [{name: a, address: 'ff02::1'}]}]",
	  "pools[0].origins[0].address", "one machine", 1 },
	{ "two origins of one name",
	  "pools:\n- name: a\n  origins:\n  - {name: a, address: 10.0.0.1}\n"
	  "  - {name: a, address: 10.0.0.2}\n",
	  "pools[0].origins[1].name", "origins[0] already", 5 },
	{ "two origins of one address and port",
	  "pools:\n- name: a\n  origins:\n  - {name: a, address: 10.0.0.1, port: 1}\n"
	  "  - {name: b, address: 10.0.0.1, port: 1}\n",
	  "pools[0].origins[1].address", "origins[0] already", 5 },
	{ "an origin header other than Host",
	  "pools: [{name: a, origins: [{name: a, address: 10.0.0.1, header: {X: [y]}}]}]",
	  "pools[0].origins[0].header.X", "allowed: Host", 1 },
	{ "two Host values",
	  "pools: [{name: a, origins: [{name: a, address: 10.0.0.1, header: {Host: [y, z]}}]}]",
	  "pools[0].origins[0].header.Host", "has 2 items", 1 },
	{ "a Host with a line break",
	  "pools: [{name: a, origins: [{name: a, address: 10.0.0.1, header: {Host: [\"y\\n\"]}}]}]",
	  "pools[0].origins[0].header.Host[0]", "not a host name", 1 },
	{ "a minimum of no origin",
	  "pools: [{name: a, minimum_origins: 0, origins: [{name: a, address: 10.0.0.1}]}]",
	  "pools[0].minimum_origins", "0 is not from 1", 1 },
	{ "a minimum that cannot be met",
	  "pools: [{name: a, minimum_origins: 2, origins: [{name: a, address: 10.0.0.1}]}]",
	  "pools[0].minimum_origins", "the pool has 1 origins", 1 },
	{ "a monitor that is not there",
	  "monitors: [{id: web-check}]\n"
	  "pools: [{name: a, monitor: web-chek, origins: [{name: a, address: 10.0.0.1}]}]",
	  "pools[0].monitor", "did you mean \"web-check\"? monitors are: web-check", 2 },
	{ "an unknown steering policy in a pool",
	  "pools: [{name: a, origin_steering: {policy: best}, origins: [{name: a, address: "
	  "10.0.0.1}]}]",
	  "pools[0].origin_steering.policy", "one of: random, hash", 1 },
	{ "a feature of the API that is not there yet",
	  "pools: [{name: a, load_shedding: {default_percent: 5}, origins: [{name: a, address: "
	  "10.0.0.1}]}]",
	  "pools[0].load_shedding", "not supported by this version", 1 },
	{ "enabled that is a text",
	  "pools: [{name: a, enabled: yes, origins: [{name: a, address: 10.0.0.1}]}]",
	  "pools[0].enabled", "true or false, not a text", 1 },
	/* load balancers */
	{ "a load balancer without a fallback pool",
	  POOL "load_balancers: [{name: a.b, default_pools: [web]}]", "load_balancers[0]",
	  "fallback_pool is missing", 2 },
	{ "a load balancer without default pools",
	  POOL "load_balancers: [{name: a.b, fallback_pool: web}]", "load_balancers[0]",
	  "default_pools is missing", 2 },
	{ "a default pool that is not there",
	  TWO "load_balancers:\n- name: a.b\n  default_pools:\n  - web\n  - web2\n"
	      "  fallback_pool: web\n",
	  "load_balancers[0].default_pools[1]",
	  "no pool \"web2\", did you mean \"web\"? pools are: web, six", 7 },
	{ "a pool where there are none",
	  "load_balancers: [{name: a.b, default_pools: [web], fallback_pool: web}]",
	  "load_balancers[0].default_pools[0]", "there are none", 1 },
	{ "a default pool that is listed twice",
	  POOL "load_balancers: [{name: a.b, default_pools: [web, web], fallback_pool: web}]",
	  "load_balancers[0].default_pools[1]", "listed twice", 2 },
	{ "a name that is no host name", POOL "load_balancers: [{name: a b, " LB "}]",
	  "load_balancers[0].name", "not a host name", 2 },
	{ "a label of 64 characters",
	  POOL "load_balancers: [{name: "
	       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b, " LB "}]",
	  "load_balancers[0].name", "longer than 63", 2 },
	{ "a label that begins with a hyphen", POOL "load_balancers: [{name: -a.b, " LB "}]",
	  "load_balancers[0].name", "begins or ends with -", 2 },
	{ "two load balancers of one name",
	  POOL "load_balancers:\n- {name: a.b, " LB "}\n- {name: A.b., id: x, " LB "}\n",
	  "load_balancers[1].name", "load_balancers[0] already", 4 },
	{ "two load balancers of one id",
	  POOL "load_balancers:\n- {name: a.b, id: x, " LB "}\n- {name: c.b, id: x, " LB "}\n",
	  "load_balancers[1].id", "load_balancers[0] already", 4 },
	{ "a name outside the zones", ZONE POOL "load_balancers: [{name: a.example.org, " LB "}]",
	  "load_balancers[0].name", "in none of the zones", 3 },
	{ "a name that only ends like a zone",
	  ZONE POOL "load_balancers: [{name: badexample.com, " LB "}]", "load_balancers[0].name",
	  "in none of the zones", 3 },
	{ "a proxied load balancer without listeners",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, " LB "}]", "load_balancers[0]",
	  "needs listeners", 3 },
	{ "a proxied load balancer without a VIP", POOL "load_balancers: [{name: a.b, " VIA "}]",
	  "load_balancers[0]", "agent.vips is empty", 2 },
	{ "a listener of an unknown protocol",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/1, sctp/2], " LB
		     "}]",
	  "load_balancers[0].listeners[1]", "as in tcp/443", 3 },
	{ "a listener at port 0",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/0], " LB "}]",
	  "load_balancers[0].listeners[0]", "as in tcp/443", 3 },
	{ "a listener beyond port 65535",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/65536], " LB "}]",
	  "load_balancers[0].listeners[0]", "as in tcp/443", 3 },
	{ "a listener that is listed twice",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/1, tcp/1], " LB
		     "}]",
	  "load_balancers[0].listeners[1]", "twice", 3 },
	{ "listeners of a DNS-only load balancer",
	  POOL "load_balancers:\n- name: a.b\n  listeners: [tcp/80]\n  default_pools: [web]\n"
	       "  fallback_pool: web\n",
	  "load_balancers[0].listeners", "for proxied load balancers", 4 },
	{ "forwarding of a DNS-only load balancer",
	  POOL "load_balancers: [{name: a.b, forwarding: l2, " LB "}]",
	  "load_balancers[0].forwarding", "for proxied load balancers", 2 },
	{ "a VIP that the agent does not have",
	  AGENT POOL "load_balancers: [{name: a.b, vips: [192.0.2.9], " VIA "}]",
	  "load_balancers[0].vips[0]", "192.0.2.9 is not one of agent.vips", 3 },
	{ "two load balancers that claim one VIP, protocol and port",
	  AGENT POOL "load_balancers:\n- {name: a.b, " VIA
		     "}\n- {name: c.b, vips: ['2001:db8::1'], " VIA "}\n",
	  "load_balancers[1].listeners[0]",
	  "tcp/80 on 2001:db8::1 belongs to load_balancers[0], a.b, already", 5 },
	{ "unknown forwarding",
	  AGENT POOL "load_balancers: [{name: a.b, forwarding: gre, " VIA "}]",
	  "load_balancers[0].forwarding", "one of: ipip, l2, gue", 3 },
	{ "direct return that would change the family",
	  AGENT TWO
	  "load_balancers: [{name: a.b, forwarding: l2, vips: [192.0.2.1], proxied: true,\n"
	  " listeners: [tcp/80], default_pools: [web], fallback_pool: six}]",
	  "load_balancers[0].forwarding", "origin \"a\" of pool \"six\" is fd00::1", 4 },
	{ "an origin among the outer sources",
	  "agent: {vips: [192.0.2.1], outer_source: [10.0.0.0/24]}\n" POOL
	  "load_balancers: [{name: a.b, forwarding: gue, " VIA "}]",
	  "load_balancers[0]", "from its own address", 3 },
	{ "an origin that is a VIP of the balancer",
	  "agent: {vips: [10.0.0.1]}\n" POOL "load_balancers: [{name: a.b, " VIA "}]",
	  "load_balancers[0]", "would come back", 3 },
	{ "a steering policy of a later version",
	  POOL "load_balancers: [{name: a.b, steering_policy: geo, " LB "}]",
	  "load_balancers[0].steering_policy", "steers with off", 2 },
	{ "an unknown steering policy",
	  POOL "load_balancers: [{name: a.b, steering_policy: best, " LB "}]",
	  "load_balancers[0].steering_policy", "one of: off", 2 },
	{ "an affinity by cookie",
	  POOL "load_balancers: [{name: a.b, session_affinity: cookie, " LB "}]",
	  "load_balancers[0].session_affinity",
	  "a cookie is inside of encrypted connections, which packets do not show; ip_cookie", 2 },
	{ "an affinity by header",
	  POOL "load_balancers: [{name: a.b, session_affinity: header, " LB "}]",
	  "load_balancers[0].session_affinity", "a header is inside", 2 },
	{ "an unknown affinity", POOL "load_balancers: [{name: a.b, session_affinity: ip, " LB "}]",
	  "load_balancers[0].session_affinity", "\"ip\" is not one of: none, , ip_cookie", 2 },
	{ "an affinity of half an hour less a second",
	  POOL "load_balancers: [{name: a.b, session_affinity_ttl: 1799, " LB "}]",
	  "load_balancers[0].session_affinity_ttl", "1799 is not from 1800 to 604800", 2 },
	{ "an unknown word for UDP", POOL "load_balancers: [{name: a.b, udp: packet, " LB "}]",
	  "load_balancers[0].udp", "one of: flow, request", 2 },
	{ "an affinity of datagrams that are by themselves",
	  AGENT POOL "load_balancers: [{name: a.b, udp: request, session_affinity: ip_cookie, " VIA
		     "}]",
	  "load_balancers[0].udp", "which session_affinity forbids", 3 },
	{ "a source prefix with bits behind its length",
	  POOL "load_balancers: [{name: a.b, source_rules: {allow: [10.0.0.0/8, 10.0.0.1/8]}, " LB
	       "}]",
	  "load_balancers[0].source_rules.allow[1]", "\"10.0.0.1/8\" is not a prefix", 2 },
	{ "a source prefix that is allowed and denied",
	  POOL "load_balancers: [{name: a.b, source_rules: {allow: ['fd00::/8', 10.0.0.0/8],\n"
	       "deny: [10.0.0.0/8]}, " LB "}]",
	  "load_balancers[0].source_rules.deny[0]", "10.0.0.0/8 is allow[1] already", 3 },
	{ "a rate of no packets",
	  POOL "load_balancers: [{name: a.b, source_rules: {rate: {burst: 1}}, " LB "}]",
	  "load_balancers[0].source_rules.rate", "packets_per_second is missing", 2 },
	{ "a rate of too many packets",
	  POOL "load_balancers: [{name: a.b, source_rules: {rate: {packets_per_second: 1e9}}, " LB
	       "}]",
	  "load_balancers[0].source_rules.rate.packets_per_second", "from 1 to 10000000", 2 },
	{ "source rules without packets",
	  POOL "load_balancers: [{name: a.b, source_rules: {}, " LB "}]",
	  "load_balancers[0].source_rules", "for proxied load balancers", 2 },
	{ "an affinity without packets",
	  POOL "load_balancers: [{name: a.b, session_affinity: ip_cookie, " LB "}]",
	  "load_balancers[0].session_affinity", "for proxied load balancers", 2 },
	{ "a ttl of 0", POOL "load_balancers: [{name: a.b, ttl: 0, " LB "}]",
	  "load_balancers[0].ttl", "0 is not from 1", 2 },
	{ "a drain longer than a day for one load balancer",
	  POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {drain_duration: 1e6}, " LB
	  "}]",
	  "load_balancers[0].session_affinity_attributes.drain_duration", "from 0 to 86400", 2 },
	/* records */
	{ "a record outside all zones", "records: [{type: A, name: a.b, content: 10.0.0.1}]",
	  "records[0].name", "in none of the zones", 1 },
	{ "a record type that is not served",
	  ZONE "records: [{type: MX, name: example.com, content: a.b}]", "records[0].type",
	  "one of: A, AAAA, CNAME, POOL", 2 },
	{ "a record without content", ZONE "records: [{type: A, name: example.com}]", "records[0]",
	  "content is missing", 2 },
	{ "an A record with an IPv6 address",
	  ZONE "records: [{content: '::1', type: A, name: example.com}]", "records[0].content",
	  "must be an IPv4 address", 2 },
	{ "an AAAA record with an IPv4 address",
	  ZONE "records: [{content: 10.0.0.1, type: AAAA, name: example.com}]",
	  "records[0].content", "must be an IPv6 address", 2 },
	{ "an alias at the name of a zone",
	  ZONE "records: [{type: POOL, name: example.com, content: a.b}]", "records[0].type",
	  "cannot be an alias", 2 },
	{ "an alias of itself",
	  ZONE "records: [{type: CNAME, name: a.example.com, content: A.example.com.}]",
	  "records[0].content", "alias of itself", 2 },
	{ "a second CNAME",
	  ZONE "records:\n- {type: CNAME, name: a.example.com, content: a.b}\n"
	       "- {type: CNAME, name: a.example.com, content: a.c}\n",
	  "records[1].name", "a CNAME already: records[0]", 4 },
	{ "an address beside a CNAME",
	  ZONE "records:\n- {type: CNAME, name: a.example.com, content: a.b}\n"
	       "- {type: A, name: a.example.com, content: 10.0.0.1}\n",
	  "records[1].type", "A cannot share the name a.example.com with records[0], CNAME", 4 },
	{ "a POOL beside an address",
	  ZONE "records:\n- {type: AAAA, name: a.example.com, content: 'fd00::1'}\n"
	       "- {type: POOL, name: a.example.com, content: a.b}\n",
	  "records[1].type", "POOL cannot share", 4 },
	{ "a record that is there twice",
	  ZONE "records:\n- {type: POOL, name: a.example.com, content: a.b}\n"
	       "- {type: POOL, name: a.example.com, content: A.b}\n",
	  "records[1].content", "a.b is records[0] already", 4 },
	{ "two ttls in one set",
	  ZONE "records:\n- {type: A, name: a.example.com, content: 10.0.0.1}\n"
	       "- {type: A, name: a.example.com, content: 10.0.0.2, ttl: 60}\n",
	  "records[1].ttl", "60 differs from records[0], which has 300", 4 },
	{ "a weight of an A record",
	  ZONE "records: [{type: A, name: a.example.com, content: 10.0.0.1, weight: 2}]",
	  "records[0].weight", "POOL records only", 2 },
	{ "a POOL weight of 0",
	  ZONE "records: [{type: POOL, name: a.example.com, content: a.b, weight: 0}]",
	  "records[0].weight", "0 is not from 1 to 65535", 2 },
	{ "a proxied record",
	  ZONE "records: [{type: A, name: a.example.com, content: 10.0.0.1, proxied: true}]",
	  "records[0].proxied", "use a load balancer", 2 },
};

#define N (sizeof(documents) / sizeof(documents[0]))

static void is_refused(void **state)
{
	const struct bad *b = *state;
	struct weir_model *m = NULL;
	struct weir_lines *lines;
	struct weir_err err = { 0 };
	json_t *v;

	if (!weir_yaml_parse(b->text, strlen(b->text), &v, &lines, &err))
		fail_msg("not YAML: %u:%u %s", err.line, err.column, err.text);
	if (weir_model_parse(v, &m, &err))
		fail_msg("accepted");
	assert_null(m);
	weir_lines_locate(lines, &err);
	json_decref(v);
	weir_lines_free(lines);
	assert_string_equal(err.path, b->path);
	if (!strstr(err.text, b->fragment))
		fail_msg("\"%s\" does not say \"%s\"", err.text, b->fragment);
	assert_int_equal(err.line, b->line);
}

int main(void)
{
	static struct CMUnitTest tests[N];

	for (size_t i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){
			.name = documents[i].says,
			.test_func = is_refused,
			.initial_state = (void *)&documents[i],
		};
	return cmocka_run_group_tests_name("documents that are refused", tests, NULL, NULL);
}
