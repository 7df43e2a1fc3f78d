/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_cookie.h - cookies of clients (RFC 7873), made as RFC 9018 says: as user/zone/edns.c makes
 * them, so that whoever answers knows those of the others. */
#ifndef WEIR_BPF_DNS_COOKIE_H
#define WEIR_BPF_DNS_COOKIE_H

#include "dns_guard.h"

#define COOKIE_OLD_S   3600
#define COOKIE_EARLY_S 300
#define COOKIE_RENEW_S 1800

struct sip {
	__u64 a, b, c, d;
};

static __always_inline __u64 sip_rotate(__u64 x, __u32 by)
{
	return x << by | x >> (64 - by);
}

static __always_inline void sip_round(struct sip *v)
{
	v->a += v->b;
	v->c += v->d;
	v->b = sip_rotate(v->b, 13) ^ v->a;
	v->d = sip_rotate(v->d, 16) ^ v->c;
	v->a = sip_rotate(v->a, 32);
	v->c += v->b;
	v->a += v->d;
	v->b = sip_rotate(v->b, 17) ^ v->c;
	v->d = sip_rotate(v->d, 21) ^ v->a;
	v->c = sip_rotate(v->c, 32);
}

static __always_inline void sip_take(struct sip *v, __u64 word)
{
	v->d ^= word;
	sip_round(v);
	sip_round(v);
	v->a ^= word;
}

/* SipHash-2-4 of the client's cookie, the first half of the server's and the client's address. */
static __always_inline __u64 cookie_hash(const __u64 key[2], __u64 client, __u64 head,
					 const struct dns_work *w)
{
	struct sip v = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };

	sip_take(&v, client);
	sip_take(&v, head);
	if (w->v6) {
		sip_take(&v, w->src.q[0]);
		sip_take(&v, w->src.q[1]);
		sip_take(&v, 32ull << 56);
	} else {
		sip_take(&v, w->src.w[3] | 20ull << 56);
	}
	v.c ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&v);
	return v.a ^ v.b ^ v.c ^ v.d;
}

/* Makes the cookie of the answer to the query in hand, which has one. 1: the client's was ours, and
 * not too old. A global function: verified once. */
__attribute__((noinline)) int dns_cookie(void)
{
	const struct weir_dns_guard *g = dns_guard();
	struct dns_work *w = dns_work();
	__s32 age = -1;
	__u32 now;

	if (!g || !w || !g->cookies)
		return 0;
	now = (__u32)(g->wall_s + bpf_ktime_get_boot_ns() / 1000000000);
	w->q.tells_cookie = 1;
	if (w->q.cookie_len == WEIR_HOT_COOKIE_BOTH && (w->q.cookie[1] & 0xffffffff) == 1 &&
	    cookie_hash(g->cookie_key, w->q.cookie[0], w->q.cookie[1], w) == w->q.cookie[2]) {
		age = (__s32)(now - bpf_ntohl((__be32)(w->q.cookie[1] >> 32)));
		if (age > COOKIE_OLD_S || age < -COOKIE_EARLY_S)
			age = -1;
		else if (age < 0)
			age = 0;
	}
	if (age >= 0 && age <= COOKIE_RENEW_S)
		return 1;
	w->q.cookie[1] = 1 | (__u64)bpf_htonl(now) << 32;
	w->q.cookie[2] = cookie_hash(g->cookie_key, w->q.cookie[0], w->q.cookie[1], w);
	return age >= 0;
}

#endif
