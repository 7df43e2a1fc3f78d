/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_query.c - arguments of traces and captures: what they become, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "model/query.h"

/* "a=b&c=d" as the object of texts that a server makes of it; the caller's. */
static json_t *args(const char *query)
{
	char *text = strdup(query), *rest = text, *key;
	json_t *o = json_object();

	assert_non_null(text);
	while (*query && (key = strsep(&rest, "&"))) {
		char *value = strchr(key, '=');

		assert_non_null(value);
		*value = 0;
		json_object_set_new(o, key, json_string(value + 1));
	}
	free(text);
	return o;
}

static bool trace(const char *query, struct weir_trace_query *out, struct weir_err *err)
{
	json_t *o = args(query);
	bool ok = weir_trace_query_parse(o, out, err);

	json_decref(o);
	return ok;
}

static bool capture(const char *query, struct weir_capture_query *out, struct weir_err *err)
{
	json_t *o = args(query);
	bool ok = weir_capture_query_parse(o, out, err);

	json_decref(o);
	return ok;
}

static struct weir_capture_query good(const char *query)
{
	struct weir_capture_query q;
	struct weir_err err;

	if (!capture(query, &q, &err))
		fail_msg("%s: %s: %s", query, err.path, err.text);
	return q;
}

static void a_trace_is_a_flow_and_a_kind_of_packet(void **state)
{
	struct weir_trace_query q;
	struct weir_err err;
	char text[WEIR_SOCKADDR_TEXT];

	(void)state;
	assert_true(trace("src=198.51.100.7:4000&dst=192.0.2.1:443&proto=tcp", &q, &err));
	assert_string_equal(weir_sockaddr_text(&q.src, text), "198.51.100.7:4000");
	assert_string_equal(weir_sockaddr_text(&q.dst, text), "192.0.2.1:443");
	assert_int_equal(q.proto, IPPROTO_TCP);
	assert_false(q.syn);
	assert_true(trace("src=[2001:db8::7]:1&dst=[2001:db8::1]:53&proto=udp", &q, &err));
	assert_int_equal(q.proto, IPPROTO_UDP);
	assert_int_equal(q.quic_id_bytes, 0);
	assert_true(trace("src=1.2.3.4:1&dst=1.2.3.5:2&proto=udp&quic_id=0aFF", &q, &err));
	assert_int_equal(q.quic_id_bytes, 2);
	assert_memory_equal(q.quic_id, "\x0a\xff", 2);
	assert_true(trace("src=1.2.3.4:1&dst=1.2.3.5:2&proto=tcp&flags=syn", &q, &err));
	assert_true(q.syn);
	assert_true(trace("src=1.2.3.4:1&dst=1.2.3.5:2&proto=tcp&flags=ack", &q, &err));
	assert_false(q.syn);
}

static void a_capture_takes_everything_but_always_ends(void **state)
{
	struct weir_capture_query q = good("");
	static const union weir_addr zero;

	(void)state;
	assert_int_equal(q.count, 1000);
	assert_true(q.filter.count == 1000);
	assert_int_equal(q.for_ms, 60000);
	assert_int_equal(q.filter.at, WEIR_CAPTURE_IN | WEIR_CAPTURE_OUT);
	assert_int_equal(q.filter.snaplen, WEIR_CAPTURE_SNAPLEN);
	assert_int_equal(q.filter.sample, 1);
	assert_int_equal(q.filter.rate, 0);
	assert_true(q.filter.reasons == UINT64_MAX);
	assert_memory_equal(&q.filter.src_mask, &zero, sizeof(zero));
	assert_memory_equal(&q.filter.dst_mask, &zero, sizeof(zero));
	assert_int_equal(q.filter.family | q.filter.proto | q.filter.sport | q.filter.dport, 0);
}

static void every_argument_of_a_capture_is_in_its_filter(void **state)
{
	struct weir_capture_query q =
		good("src=198.51.100.0/23&dst=192.0.2.1&sport=4000&dport=443&proto=tcp&at=out&"
		     "snaplen=96&count=5&seconds=0.5&sample=1/100&rate=20/s");
	static const uint8_t src_mask[16] = { 255, 255, 255, 255, 255, 255, 255, 255,
					      255, 255, 255, 255, 255, 255, 254 };

	(void)state;
	assert_memory_equal(&q.filter.src_mask, src_mask, 16);
	assert_int_equal(q.filter.src.b[12], 198);
	assert_int_equal(q.filter.dst.b[15], 1);
	assert_int_equal(q.filter.dst_mask.b[15], 255);
	assert_int_equal(q.filter.sport, htons(4000));
	assert_int_equal(q.filter.dport, htons(443));
	assert_int_equal(q.filter.proto, IPPROTO_TCP);
	assert_int_equal(q.filter.family, 4);
	assert_int_equal(q.filter.at, WEIR_CAPTURE_OUT);
	assert_int_equal(q.filter.snaplen, 96);
	assert_int_equal(q.count, 5);
	assert_int_equal(q.for_ms, 500);
	assert_int_equal(q.filter.sample, 100);
	assert_int_equal(q.filter.rate, 20);
	assert_int_equal(good("at=in").filter.at, WEIR_CAPTURE_IN);
	assert_int_equal(good("at=in&reason=drops").filter.at, WEIR_CAPTURE_IN);
	assert_int_equal(good("at=out&reason=REPLY_ECHO,drops").filter.at, WEIR_CAPTURE_OUT);
	assert_int_equal(good("rate=7").filter.rate, 7);
	assert_int_equal(good("proto=icmp").filter.proto, IPPROTO_ICMP);
}

static void reasons_go_by_name_or_all_drops(void **state)
{
	uint64_t drops = good("reason=drops").filter.reasons;

	(void)state;
	for (uint32_t i = 0; i < WEIR_REASON_COUNT; i++)
		assert_int_equal(drops >> i & 1, i > WEIR_LAST_PASS);
	assert_true(good("reason=DROP_FRAGMENT").filter.reasons == 1ull << WEIR_DROP_FRAGMENT);
	assert_true(good("reason=forward,reply_echo").filter.reasons ==
		    (1ull << WEIR_FORWARD | 1ull << WEIR_REPLY_ECHO));
}

static void the_family_of_a_network_is_that_of_its_packets(void **state)
{
	(void)state;
	assert_int_equal(good("src=0.0.0.0/0").filter.family, 4);
	assert_int_equal(good("dst=::/0").filter.family, 6);
	assert_int_equal(good("dst=2001:db8::/32").filter.family, 6);
}

static const struct bad {
	const char *query, *path, *fragment;
} traces[] = {
	{ "", "", "src is missing" },
	{ "src=1.2.3.4:5&proto=tcp", "", "dst is missing" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:6", "", "proto is missing" },
	{ "src=1.2.3.4&dst=1.2.3.4:6&proto=tcp", "src", "\"1.2.3.4\" is not an address and port" },
	{ "src=1.2.3.4:5&dst=www:6&proto=tcp", "dst", "[2001:db8::1]:443" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:0&proto=tcp", "dst", "not an address and port" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:6&proto=icmp", "proto", "one of: tcp, udp" },
	{ "src=1.2.3.4:5&dst=[2001:db8::1]:6&proto=tcp", "dst", "is IPv6 and src is IPv4" },
	{ "src=[2001:db8::1]:5&dst=1.2.3.4:6&proto=tcp", "dst", "is IPv4 and src is IPv6" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:6&proto=tcp&flags=fin", "flags", "one of: ack, syn" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:6&proto=udp&flags=syn", "flags", "UDP has none" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:6&proto=tcp&quic_id=0a", "quic_id", "TCP has none" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:6&proto=udp&quic_id=0", "quic_id",
	  "\"0\" is not a connection id: 1 to 20 bytes as hexadecimal digits" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:6&proto=udp&quic_id=000102030405060708090a0b0c0d0e0f1011121314",
	  "quic_id", "is not a connection id" },
	{ "src=1.2.3.4:5&dst=1.2.3.4:6&prot=tcp", "prot", "did you mean \"proto\"" },
};
static const struct bad captures[] = {
	{ "src=10.0.0.1/8", "src", "bits behind the length must be 0" },
	{ "src=10.0.0.0/33", "src", "not an address or a network" },
	{ "src=10.0.0.0/", "src", "not an address or a network" },
	{ "src=10.0.0.0/-1", "src", "not an address or a network" },
	{ "dst=2001:db8::/129", "dst", "not an address or a network" },
	{ "dst=example.com", "dst", "not an address or a network" },
	{ "src=10.0.0.0/8&dst=2001:db8::1", "dst", "is IPv6 and src is IPv4" },
	{ "sport=0", "sport", "0 is not from 1 to 65535" },
	{ "dport=http", "dport", "whole number from 1 to 65535" },
	{ "dport=70000", "dport", "70000 is not from" },
	{ "proto=sctp", "proto", "one of: tcp, udp, icmp" },
	{ "proto=icmp&dport=1", "dport", "no ports" },
	{ "proto=icmp&sport=1", "sport", "no ports" },
	{ "reason=DROP_FRAGMENTS", "reason", "did you mean \"DROP_FRAGMENT\"" },
	{ "reason=", "reason", "no reason" },
	{ "reason=FORWARD,", "reason", "no reason" },
	{ "at=entry", "at", "one of: in, out, both" },
	{ "at=out&reason=drops", "at", "do not leave" },
	{ "at=out&reason=PASS_NOT_IP", "at", "do not leave" },
	{ "snaplen=13", "snaplen", "13 is not from 14 to 16384" },
	{ "snaplen=16385", "snaplen", "is not from 14 to 16384" },
	{ "count=0", "count", "0 is not from 1 to 1000000000" },
	{ "count=1.5", "count", "whole number" },
	{ "seconds=0", "seconds", "0 is not from 0.1 to 86400" },
	{ "seconds=86401", "seconds", "is not from 0.1 to 86400" },
	{ "sample=100", "sample", "not a share such as 1/100" },
	{ "sample=1/0", "sample", "not a share" },
	{ "sample=1/99999999999999999999", "sample", "not a share" },
	{ "rate=0/s", "rate", "not a rate such as 100/s" },
	{ "rate=5/m", "rate", "not a rate" },
	{ "rate=-5", "rate", "not a rate" },
	{ "filter=tcp", "filter", "unknown key \"filter\"; allowed: src, dst" },
};

static void check(const struct bad *b, bool ok, const struct weir_err *err)
{
	if (ok)
		fail_msg("accepted: %s", b->query);
	if (strcmp(err->path, b->path) || !strstr(err->text, b->fragment))
		fail_msg("%s: %s: %s", b->query, err->path, err->text);
}

static void what_is_no_trace_is_refused_with_what_is_allowed(void **state)
{
	struct weir_trace_query q;
	struct weir_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++)
		check(&traces[i], trace(traces[i].query, &q, &err), &err);
}

static void what_is_no_capture_is_refused_with_what_is_allowed(void **state)
{
	struct weir_capture_query q;
	struct weir_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++)
		check(&captures[i], capture(captures[i].query, &q, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_is_a_flow_and_a_kind_of_packet),
		cmocka_unit_test(a_capture_takes_everything_but_always_ends),
		cmocka_unit_test(every_argument_of_a_capture_is_in_its_filter),
		cmocka_unit_test(reasons_go_by_name_or_all_drops),
		cmocka_unit_test(the_family_of_a_network_is_that_of_its_packets),
		cmocka_unit_test(what_is_no_trace_is_refused_with_what_is_allowed),
		cmocka_unit_test(what_is_no_capture_is_refused_with_what_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
