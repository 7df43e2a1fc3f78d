/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.c - zones that other servers take, and queries that are signed. */
#include "zone/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/impl.h"
#include "dns/tsig.h"

#define NOTAUTH 9

/* A transfer under way. It reads the snapshot that it began with to its end. */
struct weir_dns_transfer {
	struct weir_dns *d;
	uint32_t reader;
	bool is_signed, first;
	struct weir_tsig tsig;
	struct weir_transfer of;
};

/* --- signed queries --- */

bool weir_dns_is_signed(const struct weir_zones *z, const uint8_t *query, size_t len)
{
	uint32_t n;

	weir_zones_tsig_keys(z, &n);
	return n && len > WEIR_DNS_HEADER && (query[10] | query[11]) && !(query[2] & 0x80);
}

/* The header and the question of query, if it can be found. */
static size_t refuse(const uint8_t *query, size_t len, uint8_t *out)
{
	size_t end = weir_name_skip(query, len, WEIR_DNS_HEADER);

	end = end && len - end >= 4 ? end + 4 : WEIR_DNS_HEADER;
	memcpy(out, query, end);
	out[2] = (uint8_t)(0x80 | (query[2] & 0x79));
	out[3] = NOTAUTH;
	memset(out + 4, 0, 8);
	out[5] = end > WEIR_DNS_HEADER;
	return end;
}

size_t weir_dns_answer_signed(const struct weir_zones *z, const uint8_t *query, size_t len,
			      const struct weir_asker *asker, uint8_t *out, size_t cap,
			      struct weir_told *told)
{
	struct weir_tsig t;
	size_t n;

	if (!weir_tsig_read(&t, z, query, len, asker->now_s))
		return weir_zones_answer(z, query, len, asker, out, cap, told);
	if (t.error) {
		*told = (struct weir_told){ .outcome = WEIR_DNS_REFUSED_TOLD, .zone = UINT32_MAX };
		n = refuse(query, len, out);
	} else {
		n = weir_zones_answer(z, query, len, asker, out, cap - WEIR_TSIG_MAX, told);
	}
	return n ? weir_tsig_sign(&t, out, n, true, asker->now_s) : 0;
}

/* --- transfers --- */

/* A reader of the present world that nobody uses; UINT32_MAX: all are used. */
static uint32_t take_reader(struct weir_dns *d)
{
	for (uint32_t i = 0; i < WEIR_DNS_MAX_TRANSFERS; i++) {
		if (d->transfers[i])
			continue;
		d->transfers[i] = true;
		return i;
	}
	return UINT32_MAX;
}

struct weir_dns_transfer *weir_dns_transfer_begin(struct weir_dns *d, const uint8_t *query,
						  size_t len, const union weir_addr *client)
{
	const struct weir_dns_world *world;
	struct weir_dns_transfer *x;
	uint32_t reader;

	if (!weir_transfer_asked(query, len))
		return NULL;
	reader = take_reader(d);
	if (reader == UINT32_MAX)
		return NULL;
	x = weir_new(struct weir_dns_transfer);
	*x = (struct weir_dns_transfer){ .d = d, .reader = reader, .first = true };
	world = weir_pub_enter(d->pub, d->n_workers + reader);
	x->is_signed = weir_dns_is_signed(world->zones, query, len) &&
		       weir_tsig_read(&x->tsig, world->zones, query, len, d->tcp.now_s);
	if ((!x->is_signed || !x->tsig.error) &&
	    weir_transfer_begin(&x->of, world->zones, query, len, client,
				x->is_signed ? x->tsig.key : NULL))
		return x;
	weir_dns_transfer_end(x);
	return NULL;
}

size_t weir_dns_transfer_next(struct weir_dns_transfer *x, uint8_t *out, size_t cap)
{
	size_t n = weir_transfer_next(&x->of, out, cap - WEIR_TSIG_MAX);

	if (n && x->is_signed)
		n = weir_tsig_sign(&x->tsig, out, n, x->first, x->d->tcp.now_s);
	x->first = false;
	return n;
}

void weir_dns_transfer_end(struct weir_dns_transfer *x)
{
	if (!x)
		return;
	weir_pub_leave(x->d->pub, x->d->n_workers + x->reader);
	x->d->transfers[x->reader] = false;
	free(x);
}
