/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.h - the keyed hash of a flow.
 *
 * NH (Black et al., UMAC, CRYPTO 1999; RFC 4418) over the words of the 5-tuple, with a finalizer
 * that spreads it: two flows collide with a chance of 2^-32 at most for whoever does not know the
 * key, and five independent multiplications cost a few ns. The key is the same on all balancers
 * that share VIPs, so that any of them sends a flow to the same endpoint. */
#ifndef WEIR_HASH_H
#define WEIR_HASH_H

/* Set by the agent when it loads the program. weir_hash_v4: what the words that are the same in all
 * IPv4 addresses add up to with this key. */
const volatile __u32 weir_hash_key[WEIR_HASH_KEYS];
const volatile __u64 weir_hash_v4;

static __always_inline __u64 hash_pair(const volatile __u32 *key, __u32 a, __u32 b)
{
	return (__u64)(__u32)(a + key[0]) * (__u32)(b + key[1]);
}

static __always_inline __u64 hash_spread(__u64 h)
{
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	return h ^ h >> 32;
}

static __always_inline __u64 hash_words(const volatile __u32 key[WEIR_HASH_KEYS],
					const __u32 src[4], const __u32 dst[4], __u32 a, __u32 b)
{
	__u64 h = hash_pair(key, a, b);

	for (int i = 0; i < 4; i++)
		h += hash_pair(key + 2 + 2 * i, src[i], dst[i]);
	return hash_spread(h);
}

static __always_inline __u64 hash_flow(const struct packet *p)
{
	__u32 ports;

	__builtin_memcpy(&ports, p->ports, 4);
	if (p->v6)
		return hash_words(weir_hash_key, p->src.w, p->dst.w, ports, p->proto);
	return hash_spread(weir_hash_v4 + hash_pair(weir_hash_key, ports, p->proto) +
			   hash_pair(weir_hash_key + 8, p->src.w[3], p->dst.w[3]));
}

static __always_inline __u64 hash_client(const struct packet *p)
{
	static const __u32 none[4];

	return hash_words(weir_hash_key, p->src.w, none, 0, 0);
}

#endif
