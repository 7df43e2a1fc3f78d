/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edns.c - OPT records. */
#include "zone/edns.h"

#include <assert.h>
#include <string.h>

#include "base/wire.h"
#include "zone/siphash.h"
#include "zone/types.h"
#include "zone/zone.h"

enum {
	OPTION_NSID = 3,       /* RFC 5001 */
	OPTION_SUBNET = 8,     /* RFC 7871 */
	OPTION_COOKIE = 10,    /* RFC 7873 */
	OPTION_KEEPALIVE = 11, /* RFC 7828 */
	OPTION_PADDING = 12,   /* RFC 7830 */
};

#define OPTION_HEADER   4
#define SUBNET_FIXED    4
#define FLAG_DO         0x8000
#define PADDING_BLOCK   468 /* RFC 8467, 4.1 */
#define KEEPALIVE_TENTH 100 /* of a second: dns/ closes idle connections after this time */
#define COOKIE_OLD_S    3600
#define COOKIE_EARLY_S  300
#define COOKIE_RENEW_S  1800

static uint8_t *put_option(uint8_t *p, unsigned code, const void *data, size_t len)
{
	p = weir_put16(weir_put16(p, code), (unsigned)len);
	if (len)
		memcpy(p, data, len);
	return p + len;
}

/* --- client subnet --- */

static size_t subnet_bytes(const struct weir_subnet *s)
{
	return (s->source + 7u) / 8;
}

/* Too few or too many bytes, bits behind the prefix and a scope are errors (RFC 7871, 6 and
 * 7.1.2); a family that is not known is not. */
static bool read_subnet(const uint8_t *p, size_t len, struct weir_edns *e)
{
	uint8_t bytes[16] = { 0 };
	struct weir_subnet s;

	if (len < SUBNET_FIXED)
		return false;
	s = (struct weir_subnet){ .family = (uint8_t)weir_get16(p), .source = p[2] };
	if (weir_get16(p) != 1 && weir_get16(p) != 2)
		return true;
	if (p[3] || s.source > (s.family == 1 ? 32 : 128) || len != SUBNET_FIXED + subnet_bytes(&s))
		return false;
	memcpy(bytes, p + SUBNET_FIXED, subnet_bytes(&s));
	if (s.source % 8 && bytes[s.source / 8] & (0xff >> s.source % 8))
		return false;
	s.addr = s.family == 1 ? weir_addr_v4(bytes) : weir_addr_v6(bytes);
	e->subnet = s;
	e->has_subnet = true;
	return true;
}

static uint8_t *put_subnet(uint8_t *p, const struct weir_subnet *s)
{
	uint8_t data[SUBNET_FIXED + 16] = { 0, s->family, s->source, s->scope };

	memcpy(data + SUBNET_FIXED, s->addr.b + (s->family == 1 ? 12 : 0), subnet_bytes(s));
	return put_option(p, OPTION_SUBNET, data, SUBNET_FIXED + subnet_bytes(s));
}

/* --- cookies (RFC 7873, made as RFC 9018 says, so that servers with one secret share them) --- */

static bool read_cookie(const uint8_t *p, size_t len, struct weir_edns *e)
{
	if (len != WEIR_COOKIE_CLIENT && (len < WEIR_COOKIE_CLIENT + 8 || len > sizeof(e->cookie)))
		return false;
	memcpy(e->cookie, p, len);
	e->server_bytes = (uint8_t)(len - WEIR_COOKIE_CLIENT);
	e->has_cookie = true;
	return true;
}

static void make_cookie(const struct weir_edns *e, const struct weir_asker *asker,
			const struct weir_self *self, uint32_t at_s,
			uint8_t out[WEIR_COOKIE_SERVER])
{
	uint8_t in[WEIR_COOKIE_CLIENT + 8 + 16];
	bool v4 = weir_addr_is_v4(&asker->client);
	size_t n = v4 ? 4 : 16;
	uint64_t hash;

	weir_put16(weir_put16(weir_put16(weir_put16(out, 0x100), 0), at_s >> 16), at_s);
	memcpy(in, e->cookie, WEIR_COOKIE_CLIENT);
	memcpy(in + WEIR_COOKIE_CLIENT, out, 8);
	memcpy(in + WEIR_COOKIE_CLIENT + 8, asker->client.b + 16 - n, n);
	hash = weir_siphash(self->cookie_secret, in, WEIR_COOKIE_CLIENT + 8 + n);
	for (unsigned i = 0; i < 8; i++) /* little endian, as the reference code has it */
		out[8 + i] = (uint8_t)(hash >> 8 * i);
}

/* How old a good cookie is, in s; -1: it is none. */
static int64_t cookie_age(const struct weir_edns *e, const struct weir_asker *asker,
			  const struct weir_self *self)
{
	const uint8_t *sent = e->cookie + WEIR_COOKIE_CLIENT;
	uint8_t ours[WEIR_COOKIE_SERVER], differ = 0;
	uint32_t at_s;
	int32_t age;

	if (!self->cookie_secret || e->server_bytes != WEIR_COOKIE_SERVER)
		return -1;
	at_s = (uint32_t)weir_get16(sent + 4) << 16 | weir_get16(sent + 6);
	make_cookie(e, asker, self, at_s, ours);
	for (unsigned i = 0; i < sizeof(ours); i++)
		differ |= sent[i] ^ ours[i];
	age = (int32_t)(asker->now_s - at_s); /* of serial numbers (RFC 1982) */
	if (differ || age > COOKIE_OLD_S || age < -COOKIE_EARLY_S)
		return -1;
	return age < 0 ? 0 : age;
}

bool weir_cookie_ok(const struct weir_edns *e, const struct weir_asker *asker,
		    const struct weir_self *self)
{
	return cookie_age(e, asker, self) >= 0;
}

static uint8_t *put_cookie(uint8_t *p, const struct weir_edns *e, const struct weir_asker *asker,
			   const struct weir_self *self)
{
	uint8_t data[WEIR_COOKIE_CLIENT + WEIR_COOKIE_SERVER];
	int64_t age = cookie_age(e, asker, self);

	memcpy(data, e->cookie, sizeof(data));
	if (age < 0 || age > COOKIE_RENEW_S)
		make_cookie(e, asker, self, asker->now_s, data + WEIR_COOKIE_CLIENT);
	return put_option(p, OPTION_COOKIE, data, sizeof(data));
}

/* --- all of it --- */

static bool read_option(unsigned code, const uint8_t *p, size_t len, struct weir_edns *e)
{
	switch (code) {
	case OPTION_NSID:
		e->nsid = true;
		return true;
	case OPTION_SUBNET:
		return e->has_subnet || read_subnet(p, len, e);
	case OPTION_COOKIE:
		return e->has_cookie || read_cookie(p, len, e);
	case OPTION_KEEPALIVE: /* a client says nothing in it (RFC 7828, 3.2.1) */
		e->keepalive = true;
		return !len;
	case OPTION_PADDING:
		e->padding = true;
		return true;
	}
	return true;
}

bool weir_edns_read(const uint8_t *p, size_t len, struct weir_edns *e)
{
	while (len) {
		size_t size;

		if (len < OPTION_HEADER)
			return false;
		size = OPTION_HEADER + (size_t)weir_get16(p + 2);
		if (size > len ||
		    !read_option(weir_get16(p), p + OPTION_HEADER, size - OPTION_HEADER, e))
			return false;
		p += size;
		len -= size;
	}
	return true;
}

size_t weir_edns_size(const struct weir_edns *e, const struct weir_asker *asker,
		      const struct weir_self *self)
{
	size_t n = WEIR_OPT_FIXED;

	if (!e->sent)
		return 0;
	if (e->nsid && *self->nsid)
		n += OPTION_HEADER + strlen(self->nsid);
	if (e->has_subnet)
		n += OPTION_HEADER + SUBNET_FIXED + subnet_bytes(&e->subnet);
	if (e->has_cookie && self->cookie_secret)
		n += OPTION_HEADER + WEIR_COOKIE_CLIENT + WEIR_COOKIE_SERVER;
	if (e->keepalive && asker->tcp)
		n += OPTION_HEADER + 2;
	return n;
}

size_t weir_edns_padding(const struct weir_edns *e, const struct weir_asker *asker, size_t len,
			 size_t cap)
{
	size_t padded = (len + OPTION_HEADER + PADDING_BLOCK - 1) / PADDING_BLOCK * PADDING_BLOCK;

	if (!e->padding || !asker->tls || len + OPTION_HEADER > cap)
		return 0;
	return (padded < cap ? padded : cap) - len;
}

static uint8_t *put_padding(uint8_t *p, size_t size)
{
	size -= OPTION_HEADER;
	p = put_option(p, OPTION_PADDING, NULL, 0);
	weir_put16(p - 2, (unsigned)size);
	memset(p, 0, size);
	return p + size;
}

void weir_edns_write(const struct weir_edns *e, const struct weir_asker *asker,
		     const struct weir_self *self, unsigned rcode, size_t padding, uint8_t *out)
{
	size_t size = weir_edns_size(e, asker, self) + padding;
	uint8_t *p = out, idle[2];

	*p++ = 0;
	p = weir_put16(p, WEIR_TYPE_OPT);
	p = weir_put16(p, WEIR_DNS_UDP_SIZE);
	*p++ = (uint8_t)(rcode >> 4);
	*p++ = 0;
	p = weir_put16(p, e->dnssec_ok ? FLAG_DO : 0);
	p = weir_put16(p, (unsigned)(size - WEIR_OPT_FIXED));
	if (e->nsid && *self->nsid)
		p = put_option(p, OPTION_NSID, self->nsid, strlen(self->nsid));
	if (e->has_subnet)
		p = put_subnet(p, &e->subnet);
	if (e->has_cookie && self->cookie_secret)
		p = put_cookie(p, e, asker, self);
	weir_put16(idle, KEEPALIVE_TENTH);
	if (e->keepalive && asker->tcp)
		p = put_option(p, OPTION_KEEPALIVE, idle, sizeof(idle));
	if (padding)
		p = put_padding(p, padding);
	assert((size_t)(p - out) == size);
}
