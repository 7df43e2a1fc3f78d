/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query.c - the arguments of traces and captures, by tables like a document's. */
#include "model/query.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "model/parse.h"
#include "model/scalar.h"

#define TEXT_BYTES 4096

/* Every value of a URL is a text: those of fields that want a number become one. The caller's. */
static json_t *with_numbers(const json_t *args, const struct weir_field *fields, size_t n)
{
	json_t *out = json_copy((json_t *)args), *v;

	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_object_get(args, fields[i].key));

		if (!s || (fields[i].kind != WEIR_KIND_INT && fields[i].kind != WEIR_KIND_DECIMAL))
			continue;
		v = weir_scalar_plain(s, strlen(s));
		if (json_is_number(v))
			json_object_set(out, fields[i].key, v);
		json_decref(v);
	}
	return out;
}

static bool take(const json_t *args, const struct weir_field *fields, size_t n, void *out,
		 struct weir_err *err)
{
	json_t *typed = with_numbers(args, fields, n);
	struct weir_parse p = { .arena = weir_arena_new(), .err = err };
	struct weir_at at = { .p = &p, .v = typed };
	bool ok = weir_take_fields(&at, fields, n, out);

	weir_arena_free(p.arena);
	json_decref(typed);
	return ok;
}

/* --- trace --- */

static bool take_end(const struct weir_at *at, void *to)
{
	const char *s;

	if (!weir_take_string(at, TEXT_BYTES, &s))
		return false;
	return weir_sockaddr_parse(s, 0, to) ||
	       weir_at_fail(at,
			    "%s is not an address and port, such as 192.0.2.1:443 or "
			    "[2001:db8::1]:443",
			    weir_quote(at->p, s));
}

static bool take_transport(const struct weir_at *at, void *to)
{
	static const char *const words[] = { "tcp", "udp", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(uint8_t *)to = i ? IPPROTO_UDP : IPPROTO_TCP;
	return true;
}

static bool take_flags(const struct weir_at *at, void *to)
{
	static const char *const words[] = { "ack", "syn", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(bool *)to = i;
	return true;
}

static bool take_quic_id(const struct weir_at *at, void *query)
{
	struct weir_trace_query *q = query;
	const char *s;

	if (!weir_take_string(at, TEXT_BYTES, &s))
		return false;
	q->quic_id_bytes = (uint8_t)weir_hex_bytes(s, q->quic_id, sizeof(q->quic_id));
	return q->quic_id_bytes ||
	       weir_at_fail(at, "%s is not a connection id: 1 to %u bytes as hexadecimal digits",
			    weir_quote(at->p, s), WEIR_QUIC_ID_BYTES);
}

bool weir_trace_query_parse(const json_t *args, struct weir_trace_query *out, struct weir_err *err)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_trace_query, src, take_end, true),
		WEIR_TAKEN(weir_trace_query, dst, take_end, true),
		WEIR_TAKEN(weir_trace_query, proto, take_transport, true),
		{ .key = "flags",
		  .kind = WEIR_KIND_CUSTOM,
		  .take = take_flags,
		  .offset = offsetof(struct weir_trace_query, syn) },
		WEIR_CUSTOM("quic_id", take_quic_id),
	};

	*out = (struct weir_trace_query){ 0 };
	if (!take(args, fields, WEIR_COUNT(fields), out, err))
		return false;
	if (weir_addr_is_v4(&out->src.addr) != weir_addr_is_v4(&out->dst.addr))
		return weir_err_set(err, "dst", "is %s and src is %s: a flow has one family",
				    weir_addr_is_v4(&out->dst.addr) ? "IPv4" : "IPv6",
				    weir_addr_is_v4(&out->src.addr) ? "IPv4" : "IPv6");
	if (out->syn && out->proto == IPPROTO_UDP)
		return weir_err_set(err, "flags", "are TCP's: UDP has none");
	if (out->quic_id_bytes && out->proto == IPPROTO_TCP)
		return weir_err_set(err, "quic_id", "is of UDP datagrams: TCP has none");
	return true;
}

/* --- capture --- */

/* A prefix, or none: then family is 0. */
struct network {
	struct weir_prefix p;
	uint8_t family; /* 4 or 6 */
};

/* What the texts of a capture say, before it is a filter. */
struct asked {
	struct network src, dst;
	uint16_t sport, dport;
	uint8_t proto, at;
	uint64_t reasons;
	uint32_t snaplen, count, seconds_ms, sample, rate;
};

static bool take_network(const struct weir_at *at, void *to)
{
	struct network *n = to;
	const char *s;

	if (!weir_take_string(at, TEXT_BYTES, &s))
		return false;
	if (!weir_prefix_parse(s, &n->p))
		return weir_at_fail(
			at,
			"%s is not an address or a network, such as 192.0.2.1, 192.0.2.0/24 or "
			"2001:db8::/32 (bits behind the length must be 0)",
			weir_quote(at->p, s));
	n->family = weir_addr_is_v4(&n->p.addr) ? 4 : 6;
	return true;
}

static bool take_proto(const struct weir_at *at, void *to)
{
	static const char *const words[] = { "tcp", "udp", "icmp", NULL };
	static const uint8_t numbers[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(uint8_t *)to = numbers[i];
	return true;
}

static bool take_at(const struct weir_at *at, void *to)
{
	static const char *const words[] = { "in", "out", "both", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(uint8_t *)to = (uint8_t)(i + 1); /* WEIR_CAPTURE_IN, _OUT, or both bits */
	return true;
}

#define NAME(name, drop, text) #name,
static const char *const reason_names[] = { WEIR_REASONS(NAME) };
#undef NAME

static const char *reason_name(const void *names, size_t i)
{
	return ((const char *const *)names)[i];
}

static uint64_t all_drops(void)
{
	static const bool drop[] = {
#define IS_DROP(name, drop, text) drop,
		WEIR_REASONS(IS_DROP)
#undef IS_DROP
	};
	uint64_t bits = 0;

	for (uint32_t i = 0; i < WEIR_REASON_COUNT; i++)
		bits |= (uint64_t)drop[i] << i;
	return bits;
}

/* Reasons of packets that go on, or are answered. */
static uint64_t leaving(void)
{
	return (2ull << WEIR_LAST_REPLY) - 1;
}

static bool take_reason(const struct weir_at *at, const char *name, uint64_t *bits)
{
	if (strcmp(name, "drops") == 0) {
		*bits |= all_drops();
		return true;
	}
	for (uint32_t i = 0; i < WEIR_REASON_COUNT; i++) {
		if (strcasecmp(name, reason_names[i]) == 0) {
			*bits |= 1ull << i;
			return true;
		}
	}
	return weir_at_no_such(at, "reason", name, WEIR_REASON_COUNT, reason_name, reason_names);
}

/* Names with commas between them. */
static bool take_reasons(const struct weir_at *at, void *to)
{
	const char *s;
	char *name, *rest;

	if (!weir_take_string(at, TEXT_BYTES, &s))
		return false;
	rest = weir_arena_strdup(at->p->arena, s);
	while ((name = strsep(&rest, ",")))
		if (!take_reason(at, name, to))
			return false;
	return true;
}

/* Digits after a prefix and in front of a suffix. */
static bool whole(const char *s, const char *prefix, const char *suffix, uint32_t max,
		  uint32_t *out)
{
	size_t skip = strlen(prefix), digits;
	unsigned long long v;

	if (strncmp(s, prefix, skip) != 0)
		return false;
	digits = strspn(s + skip, "0123456789");
	v = digits && digits < 19 ? strtoull(s + skip, NULL, 10) : 0;
	if (!v || v > max || strcmp(s + skip + digits, suffix) != 0)
		return false;
	*out = (uint32_t)v;
	return true;
}

#define MOST 1000000000u

static bool take_sample(const struct weir_at *at, void *to)
{
	const char *s;

	if (!weir_take_string(at, TEXT_BYTES, &s))
		return false;
	return whole(s, "1/", "", MOST, to) ||
	       weir_at_fail(at, "%s is not a share such as 1/100, up to 1/%u", weir_quote(at->p, s),
			    MOST);
}

static bool take_rate(const struct weir_at *at, void *to)
{
	const char *s;

	if (!weir_take_string(at, TEXT_BYTES, &s))
		return false;
	return whole(s, "", "/s", MOST, to) || whole(s, "", "", MOST, to) ||
	       weir_at_fail(at, "%s is not a rate such as 100/s, up to %u/s", weir_quote(at->p, s),
			    MOST);
}

static union weir_addr mask(uint8_t bits)
{
	union weir_addr m = { { 0 } };

	for (uint8_t i = 0; i < bits; i++)
		m.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return m;
}

static struct weir_capture_filter filter(const struct asked *a)
{
	return (struct weir_capture_filter){
		.src = a->src.p.addr,
		.src_mask = mask(a->src.p.bits),
		.dst = a->dst.p.addr,
		.dst_mask = mask(a->dst.p.bits),
		.sport = htons(a->sport),
		.dport = htons(a->dport),
		.proto = a->proto,
		.family = a->src.family ? a->src.family : a->dst.family,
		.at = a->at ? a->at : WEIR_CAPTURE_IN | WEIR_CAPTURE_OUT,
		.reasons = a->reasons ? a->reasons : UINT64_MAX,
		.snaplen = a->snaplen,
		.sample = a->sample ? a->sample : 1,
		.rate = a->rate,
		.count = a->count,
	};
}

bool weir_capture_query_parse(const json_t *args, struct weir_capture_query *out,
			      struct weir_err *err)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(asked, src, take_network, false),
		WEIR_TAKEN(asked, dst, take_network, false),
		WEIR_INT(asked, sport, 1, 65535, 0),
		WEIR_INT(asked, dport, 1, 65535, 0),
		WEIR_TAKEN(asked, proto, take_proto, false),
		{ .key = "reason",
		  .kind = WEIR_KIND_CUSTOM,
		  .take = take_reasons,
		  .offset = offsetof(struct asked, reasons) },
		WEIR_TAKEN(asked, at, take_at, false),
		WEIR_INT(asked, snaplen, 14, WEIR_CAPTURE_SNAPLEN, WEIR_CAPTURE_SNAPLEN),
		WEIR_INT(asked, count, 1, MOST, 1000),
		WEIR_DECIMAL(asked, "seconds", seconds_ms, 1000, 100, 86400000, 60000),
		WEIR_TAKEN(asked, sample, take_sample, false),
		WEIR_TAKEN(asked, rate, take_rate, false),
	};
	struct asked a = { 0 };

	if (!take(args, fields, WEIR_COUNT(fields), &a, err))
		return false;
	if (a.src.family && a.dst.family && a.src.family != a.dst.family)
		return weir_err_set(err, "dst", "is IPv%u and src is IPv%u: no packet has both",
				    a.dst.family, a.src.family);
	if (a.at == WEIR_CAPTURE_OUT && a.reasons && !(a.reasons & leaving()))
		return weir_err_set(err, "at", "out: packets of this reason do not leave");
	if ((a.sport || a.dport) && a.proto == IPPROTO_ICMP)
		return weir_err_set(err, a.sport ? "sport" : "dport", "ICMP has no ports");
	*out = (struct weir_capture_query){ .filter = filter(&a),
					    .count = a.count,
					    .for_ms = a.seconds_ms };
	return true;
}
