/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.h - the keyed hash of a flow.
 *
 * NH (Black et al., UMAC, CRYPTO 1999; RFC 4418) over the words of the 5-tuple, with a finalizer
 * that spreads it: two flows collide with a chance of 2^-32 at most for whoever does not know the
 * key, and five independent multiplications cost a few ns. The key is the same on all balancers
 * that share VIPs, so that any of them sends a flow to the same endpoint. */
#ifndef WEIR_HASH_H
#define WEIR_HASH_H

static __always_inline __u64 hash_pair(const volatile __u32 *key, __u32 a, __u32 b)
{
	return (__u64)(__u32)(a + key[0]) * (__u32)(b + key[1]);
}

static __always_inline __u64 hash_words(const volatile __u32 key[WEIR_HASH_KEYS],
					const __u32 src[4], const __u32 dst[4], __u32 a, __u32 b)
{
	__u64 h = hash_pair(key, a, b);

	for (int i = 0; i < 4; i++)
		h += hash_pair(key + 2 + 2 * i, src[i], dst[i]);
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	return h ^ h >> 32;
}

static __always_inline __u64 hash_flow(const volatile __u32 key[WEIR_HASH_KEYS],
				       const struct packet *p)
{
	__u32 ports;

	__builtin_memcpy(&ports, p->ports, 4);
	return hash_words(key, p->src.w, p->dst.w, ports, p->proto);
}

#endif
