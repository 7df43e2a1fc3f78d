/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_dns_kernel.c - any bytes as a query, through the packet program compiled for the host: it
 * stays within the frame, what is answered is what a plain reading of the query and of the entry
 * says, whatever is a plain question to an entry is answered, and the rest is as it came. */
#include <assert.h>
#include <ctype.h>

#include "../lib/dns.h"
#include "../lib/host.h"
#include "../lib/pkt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADROOM 256

static struct dns_hot hot[3];

static void world(void)
{
	struct dns_msg m = { 0 };

	hot[0] = dns_hot("a.a", DNS_A);
	dns_rotated(&hot[0], 4);
	hot[1] = dns_hot("pool.a", DNS_A);
	dns_weighted(&hot[1], 5);
	hot[2] = dns_hot("a.a", DNS_TXT);
	dns_record(&m, 12, DNS_TXT, 1, m.b, 700);
	dns_choice(&hot[2], 0xffffffff, &m, 1, 0);
	for (int i = 0; i < 3; i++) {
		host.hot[i].key = hot[i].key;
		host.hot[i].value = hot[i].value;
	}
	for (int v6 = 0; v6 < 2; v6++) {
		union weir_addr a = pkt_addr(v6 ? "2001:db8::53" : "192.0.2.53");
		struct weir_service *s =
			&host.services[weir_service_slot(&a, weir_hot_be16(53), IPPROTO_UDP)];

		s->key = (struct weir_service_key){ .vip = a,
						    .port = weir_hot_be16(53),
						    .proto = IPPROTO_UDP,
						    .used = WEIR_SLOT_DNS,
						    .flags = WEIR_SERVICE_DNS };
	}
}

/* Which entry answers the query, read as naively as can be; NULL: none, or it does not fit. */
static const struct dns_hot *entry_of(const uint8_t *q, size_t len, uint32_t die, uint32_t *choice)
{
	size_t at = 12, limit = 512, options = 0, end;
	const struct dns_hot *h;

	if (len < 17 || q[2] >= 8 || memcmp(q + 4, "\0\1\0\0\0\0\0", 7) || q[11] > 1)
		return NULL;
	while (at < len && q[at])
		at += q[at] + 1u;
	if (at + 5 > len || q[at + 3] || q[at + 4] != 1)
		return NULL;
	for (h = hot; h < hot + 3; h++) {
		size_t i = 0;

		if (h->value.name_len != at - 11 || h->key.type != (q[at + 1] << 8 | q[at + 2]))
			continue;
		while (i < at - 11 && tolower(q[12 + i]) == ((const uint8_t *)h->value.name)[i])
			i++;
		if (i == at - 11)
			break;
	}
	at += 5;
	if (q[11]) {
		const uint8_t *o = q + at;

		if (len < at + 11 || o[0] || o[1] || o[2] != 41 || o[6])
			return NULL;
		options = (size_t)(o[9] << 8 | o[10]);
		if (options && options != 12 && options != 28)
			return NULL;
		if (options &&
		    (len < at + 15 || o[11] || o[12] != 10 || o[13] || o[14] != options - 4))
			return NULL;
		limit = (size_t)(o[3] << 8 | o[4]);
		limit = limit < 512 ? 512 : limit > 1232 ? 1232 : limit;
	}
	if (h == hot + 3 || len != at + (q[11] ? 11 + options : 0))
		return NULL;
	for (*choice = 0; *choice < h->value.n - 1u && die >= h->value.upto[*choice];)
		++*choice;
	end = len - options + h->value.choice[*choice].len;
	return end <= limit ? h : NULL;
}

static void check_answer(const struct pkt *in, const struct host_frame *f, int v6,
			 const struct dns_hot *h, uint32_t choice, const struct dns_msg *query)
{
	struct dns_msg want = dns_answer(query, h, choice);
	uint32_t udp = 14 + (v6 ? 40 : 20), begun = want.len + 8 + IPPROTO_UDP;
	const uint8_t *a = f->data + 14 + (v6 ? 8 : 12);

	assert(f->len == udp + 8 + want.len);
	assert(!memcmp(f->data + udp + 8, want.b, want.len));
	assert(!memcmp(f->data, in->data + 6, 6) && !memcmp(f->data + 6, in->data, 6));
	assert(!memcmp(f->data + udp, in->data + udp + 2, 2));
	assert(!memcmp(f->data + udp + 2, in->data + udp, 2));
	assert(!memcmp(a, in->data + 14 + (v6 ? 24 : 16), v6 ? 16 : 4));
	assert(v6 || !pkt_checksum(f->data + 14, 20, 0));
	for (uint32_t i = 0; i < (v6 ? 32u : 8u); i += 2)
		begun += pkt_get16(a + i);
	assert(!pkt_checksum(f->data + udp, want.len + 8, begun));
}

/* The first byte says how the query is packed, the second one is the die. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int v6 = size ? data[0] & 1 : 0, roomy = size ? data[0] & 2 : 0;
	struct flow flow = flow_of(IPPROTO_UDP, v6 ? "2001:db8::7" : "192.0.2.7", 5353,
				   v6 ? "2001:db8::53" : "192.0.2.53", 53);
	struct dns_msg query = { 0 };
	const struct dns_hot *h;
	struct host_frame f;
	enum weir_reason why;
	uint32_t choice = 0;
	struct pkt in;
	int action;

	if (size < 2 || size > 1400)
		return 0;
	if (!hot[0].value.n)
		world();
	host.random = data[1] * 0x01010101u;
	host.room = roomy ? 2048 : 0;
	query = dns_append(query, data + 2, (uint32_t)size - 2);
	in = pkt_datagram(&flow, query.b, query.len);
	if (data[0] & 4 && in.len < 60)
		in = pkt_pad(in, 60);
	f = host_frame(in.data, in.len, HEADROOM);
	h = entry_of(query.b, query.len, host.random, &choice);
	if (h && !roomy && h->value.choice[choice].len > HEADROOM)
		h = NULL;
	action = host_run(&f, &why);
	assert(why != WEIR_REASON_COUNT);
	assert((action == XDP_TX) == (why == WEIR_REPLY_DNS));
	assert((action == XDP_TX) == (h != NULL));
	if (h) {
		check_answer(&in, &f, v6, h, choice, &query);
	} else {
		assert(why == WEIR_PASS_DNS || why == WEIR_DROP_DNS);
		assert(f.len == in.len && !memcmp(f.data, in.data, in.len));
	}
	host_free(&f);
	return 0;
}
