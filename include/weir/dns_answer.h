/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_answer.h - the one routine that answers a plain query with what is prepared: compiled into
 * the packet program, the tc program and whatever answers in user space. Bytes are read and written
 * through pointers, each after a look at the end of what is there.
 *
 * It reads a question of class IN with no more than an OPT behind it, in which a cookie may be but
 * no other option; everything else is left to who can do more. Nothing in a question but its bytes
 * is checked: it is compared as a whole with a name that is one. */
#ifndef WEIR_DNS_ANSWER_H
#define WEIR_DNS_ANSWER_H

#include "weir/abi.h"

#ifdef __bpf__
#define weir_hot_forget(var) barrier_var(var) /* one register for a bound and what it bounds */
#else
#define weir_hot_forget(var) ((void)0)
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte of a word is its lowest");

#define weir_hot_be16(x) ((__u16)__builtin_bswap16((__u16)(x)))

#define WEIR_HOT_FN __attribute__((no_sanitize("alignment"), always_inline, unused)) static inline

#define WEIR_HOT_HEADER   12
#define WEIR_HOT_FIXED    4 /* type and class, behind a name */
#define WEIR_HOT_OPT      11
#define WEIR_HOT_OPT_TYPE 41
#define WEIR_HOT_QR       0x80
#define WEIR_HOT_OPCODE   0x78
#define WEIR_HOT_AA       0x04
#define WEIR_HOT_TC       0x02
#define WEIR_HOT_RD       0x01
#define WEIR_HOT_DO       0x80 /* in the byte behind an OPT's version */

#define WEIR_HOT_OPTION        4 /* code and length */
#define WEIR_HOT_COOKIE        10
#define WEIR_HOT_COOKIE_CLIENT 8
#define WEIR_HOT_COOKIE_BOTH   24 /* with a server's as RFC 9018 has it */

/* A question, as weir_hot_read() found it. */
struct weir_hot_query {
	__u64 name[WEIR_HOT_WORDS]; /* in lower case; its last word filled up with zeros */
	__u64 hash;
	__u32 sum;      /* of the 16-bit words of the name as it came */
	__u16 name_len; /* 0: none that ends */
	__u16 type;
	__u16 fixed_sum; /* the same of type and class */
	__u16 size;      /* the most that the client takes */
	__u8 edns, dnssec_ok;
	__u8 cookie_len;   /* 0: it has none */
	__u8 tells_cookie; /* the answer has one: set by who makes it, in cookie */
	__u64 cookie[WEIR_HOT_COOKIE_BOTH / 8];
};

/* What is to be answered: a choice, taken out of its entry. */
struct weir_hot_plan {
	struct weir_hot_choice c;
	__u8 flags, rcode; /* as in the third and fourth byte of a message, QR and RD not */
};

WEIR_HOT_FN __u64 weir_hot_load(const __u8 *at)
{
	return *(const __u64 *)at;
}

WEIR_HOT_FN __u16 weir_hot_load16(const __u8 *at)
{
	return *(const __u16 *)at;
}

/* Upper case letters of a word in lower case. Length bytes of labels are less than 'A'. */
WEIR_HOT_FN __u64 weir_hot_lower(__u64 word)
{
	const __u64 each = 0x0101010101010101ull;
	__u64 low = word & 0x7f * each;
	__u64 upper = (low + (0x80 - 'A') * each) ^ (low + (0x7f - 'Z') * each);

	return word | (upper & ~word & 0x80 * each) >> 2;
}

/* The bits in front of the first byte that is 0; all ones: none is. */
WEIR_HOT_FN __u64 weir_hot_before_zero(__u64 word)
{
	const __u64 each = 0x0101010101010101ull;
	__u64 zero = (word - each) & ~word & 0x80 * each;

	return zero ? ((zero & -zero) >> 7) - 1 : ~0ull;
}

WEIR_HOT_FN __u32 weir_hot_bytes_in(__u64 mask)
{
	const __u64 each = 0x0101010101010101ull;

	return (__u32)((mask & each) * each >> 56);
}

/* The word at msg + at. 1: it runs past the end, and has the bytes that are there; negative: none
 * is. have: bytes from msg to the end. */
WEIR_HOT_FN int weir_hot_word(const __u8 *msg, const __u8 *end, __u32 at, __u32 have, __u64 *word)
{
	const __u8 *p = msg + at;
	__u32 missing;

	if (p + 8 <= end) {
		*word = weir_hot_load(p);
		return 0;
	}
	if (at >= have || have < 8)
		return -1;
	missing = at + 8 - have;
	have = (have - 8) & 0x1ff;
	weir_hot_forget(have);
	p = msg + have;
	if (p + 8 > end)
		return -1;
	*word = weir_hot_load(p) >> (missing & 7) * 8;
	return 1;
}

/* Whether a header is that of a plain question. */
WEIR_HOT_FN int weir_hot_read_header(const __u8 *msg, const __u8 *end)
{
	if (msg + WEIR_HOT_HEADER > end || msg[2] & (WEIR_HOT_QR | WEIR_HOT_OPCODE))
		return 0;
	return (weir_hot_load(msg + 4) & ~(0x100ull << 48)) == 0x100;
}

/* The name behind the header: up to its first byte that is 0. */
WEIR_HOT_FN void weir_hot_read_name(const __u8 *msg, const __u8 *end, struct weir_hot_query *q)
{
	__u32 have = (__u32)(end - msg);
	__u64 hash = 0, sum = 0;

	q->name_len = 0;
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (__u32 i = 0; i < WEIR_HOT_WORDS; i++) {
		__u64 word, mask;
		int last = weir_hot_word(msg, end, WEIR_HOT_HEADER + i * 8, have, &word);

		if (last < 0)
			return;
		mask = weir_hot_before_zero(word);
		word &= mask;
		sum += (word & 0xffffffff) + (word >> 32);
		word = weir_hot_lower(word);
		hash = weir_hot_hash(hash, word);
		q->name[i] = word;
		if (mask == ~0ull && last)
			return;
		if (mask == ~0ull)
			continue;
		q->hash = hash;
		sum = (sum & 0xffffffff) + (sum >> 32);
		q->sum = (__u32)(sum & 0xffff) + (__u32)(sum >> 16);
		q->name_len = (__u16)(i * 8 + weir_hot_bytes_in(mask) + 1);
		return;
	}
}

/* A client's cookie, and perhaps that of a server such as this one: the only option, len bytes. */
WEIR_HOT_FN int weir_hot_read_cookie(const __u8 *option, const __u8 *end, __u32 len,
				     struct weir_hot_query *q)
{
	const __u8 *cookie = option + WEIR_HOT_OPTION;

	if (cookie + WEIR_HOT_COOKIE_CLIENT > end ||
	    weir_hot_load16(option) != weir_hot_be16(WEIR_HOT_COOKIE) ||
	    weir_hot_be16(weir_hot_load16(option + 2)) != len - WEIR_HOT_OPTION)
		return -1;
	q->cookie_len = (__u8)(len - WEIR_HOT_OPTION);
	q->cookie[0] = weir_hot_load(cookie);
	if (q->cookie_len == WEIR_HOT_COOKIE_CLIENT)
		return 0;
	if (q->cookie_len != WEIR_HOT_COOKIE_BOTH || cookie + WEIR_HOT_COOKIE_BOTH > end)
		return -1;
	q->cookie[1] = weir_hot_load(cookie + 8);
	q->cookie[2] = weir_hot_load(cookie + 16);
	return 0;
}

/* An OPT of version 0, at the end of the message. */
WEIR_HOT_FN int weir_hot_read_opt(const __u8 *opt, const __u8 *end, struct weir_hot_query *q)
{
	__u32 size, options;

	if (opt + WEIR_HOT_OPT > end || opt[0] ||
	    weir_hot_load16(opt + 1) != weir_hot_be16(WEIR_HOT_OPT_TYPE) || opt[6])
		return -1;
	options = weir_hot_be16(weir_hot_load16(opt + 9));
	if (options && weir_hot_read_cookie(opt + WEIR_HOT_OPT, end, options, q))
		return -1;
	size = weir_hot_be16(weir_hot_load16(opt + 3));
	q->edns = 1;
	q->dnssec_ok = opt[7] >> 7;
	if (size > q->size)
		q->size = (__u16)(size < WEIR_DNS_ANSWER_SIZE ? size : WEIR_DNS_ANSWER_SIZE);
	return 0;
}

/* What is behind the name; the message has len bytes, and its header was that of a question. */
WEIR_HOT_FN enum weir_dns_reason weir_hot_read_rest(const __u8 *msg, const __u8 *end, __u32 len,
						    struct weir_hot_query *q)
{
	__u32 at = WEIR_HOT_HEADER + (*(volatile __u16 *)&q->name_len & 0x1ff);
	const __u8 *fixed = msg + at;

	if (!q->name_len || msg + WEIR_HOT_HEADER > end || fixed + WEIR_HOT_FIXED > end ||
	    weir_hot_load16(fixed + 2) != weir_hot_be16(1))
		return WEIR_DNS_PASS_ODD;
	q->type = weir_hot_be16(weir_hot_load16(fixed));
	q->fixed_sum = (__u16)(weir_hot_load16(fixed) + weir_hot_be16(1));
	if (q->fixed_sum < weir_hot_be16(1))
		q->fixed_sum++;
	q->size = WEIR_DNS_PLAIN_SIZE;
	q->edns = q->dnssec_ok = q->cookie_len = q->tells_cookie = 0;
	if (weir_hot_load16(msg + 10) && weir_hot_read_opt(fixed + WEIR_HOT_FIXED, end, q))
		return WEIR_DNS_PASS_ODD;
	at += WEIR_HOT_FIXED + q->edns * WEIR_HOT_OPT;
	if (q->cookie_len)
		at += WEIR_HOT_OPTION + q->cookie_len;
	return at == len ? WEIR_DNS_QUERY : WEIR_DNS_PASS_ODD;
}

/* Reads a message of len bytes; up to end, which is no earlier, bytes may be looked at. Returns
 * WEIR_DNS_QUERY with *q filled, or WEIR_DNS_PASS_ODD. */
WEIR_HOT_FN enum weir_dns_reason weir_hot_read(const __u8 *msg, const __u8 *end, __u32 len,
					       struct weir_hot_query *q)
{
	if (!weir_hot_read_header(msg, end))
		return WEIR_DNS_PASS_ODD;
	weir_hot_read_name(msg, end, q);
	return weir_hot_read_rest(msg, end, len, q);
}

/* name: of an entry, most bytes of it, a constant. */
WEIR_HOT_FN int weir_hot_is_name(const struct weir_hot_query *q, const __u64 *name, __u32 len,
				 __u32 most)
{
	if (q->name_len != len || q->name_len > most)
		return 0;
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (__u32 i = 0; i < most / 8; i++) {
		if (i * 8 >= q->name_len)
			break;
		if (q->name[i] != name[i])
			return 0;
	}
	return 1;
}

WEIR_HOT_FN int weir_hot_same_name(const struct weir_hot_query *q, const struct weir_hot_answer *a)
{
	return weir_hot_is_name(q, a->name, a->name_len, WEIR_HOT_NAME);
}

/* The first of n choices whose threshold is above the die, else the last one. most: how many
 * thresholds there are, a constant. Without a branch, which the verifier would follow. */
WEIR_HOT_FN __u32 weir_hot_choose(const __u32 *upto, __u32 most, __u32 n, __u32 die)
{
	__u32 i = 0;

	for (__u32 half = most / 2; half; half /= 2)
		i += (die >= upto[(i + half - 1) & (most - 1)]) * half;
	return (i < n ? i : n - 1) & (most - 1);
}

WEIR_HOT_FN struct weir_hot_plan weir_hot_plan(const struct weir_hot_answer *a, __u32 die)
{
	return (struct weir_hot_plan){
		.c = a->choice[weir_hot_choose(a->upto, WEIR_HOT_CHOICES, a->n, die)],
		.flags = a->flags & WEIR_HOT_AUTHORITATIVE ? WEIR_HOT_AA : 0,
		.rcode = a->rcode,
	};
}

WEIR_HOT_FN struct weir_hot_plan weir_hot_plan_small(const struct weir_hot_small *a, __u32 die)
{
	return (struct weir_hot_plan){
		.c = a->choice[weir_hot_choose(a->upto, WEIR_SMALL_CHOICES, a->n, die)],
		.flags = a->flags & WEIR_HOT_AUTHORITATIVE ? WEIR_HOT_AA : 0,
		.rcode = a->rcode,
	};
}

#ifndef __bpf__
/* The same entry, small. False: it has no room. */
static inline _Bool weir_hot_shrink(const struct weir_hot_answer *a, struct weir_hot_small *small)
{
	__u32 used = 0;

	if (a->n > WEIR_SMALL_CHOICES || a->name_len > WEIR_SMALL_NAME)
		return 0;
	for (__u32 i = 0; i < a->n; i++)
		if (a->choice[i].at + a->choice[i].len > (int)used)
			used = (__u32)a->choice[i].at + a->choice[i].len;
	if (used > WEIR_SMALL_BLOB)
		return 0;
	*small = (struct weir_hot_small){ .first = a->first,
					  .name_len = a->name_len,
					  .flags = a->flags,
					  .rcode = a->rcode,
					  .n = a->n,
					  .hits = a->hits,
					  .last = a->last };
	__builtin_memcpy(small->name, a->name, sizeof(small->name));
	__builtin_memcpy(small->upto, a->upto, sizeof(small->upto));
	__builtin_memcpy(small->choice, a->choice, sizeof(small->choice));
	__builtin_memcpy(small->blob, a->blob, sizeof(small->blob));
	return 1;
}
#endif

/* Without records: the client is to ask by TCP. */
WEIR_HOT_FN void weir_hot_truncate(struct weir_hot_plan *plan)
{
	plan->c = (struct weir_hot_choice){ 0 };
	plan->flags |= WEIR_HOT_TC;
	plan->rcode = 0;
}

WEIR_HOT_FN __u32 weir_hot_question_end(const struct weir_hot_query *q)
{
	return WEIR_HOT_HEADER + q->name_len + WEIR_HOT_FIXED;
}

WEIR_HOT_FN __u32 weir_hot_opt_size(const struct weir_hot_query *q)
{
	return q->edns * WEIR_HOT_OPT + q->tells_cookie * (WEIR_HOT_OPTION + WEIR_HOT_COOKIE_BOTH);
}

/* Bytes of the whole answer. */
WEIR_HOT_FN __u32 weir_hot_size(const struct weir_hot_query *q, const struct weir_hot_plan *plan)
{
	return weir_hot_question_end(q) + plan->c.len + weir_hot_opt_size(q);
}

/* Copies len bytes, none or 8 and more, from blob + from to to; the blob has room bytes, a
 * constant. Bytes of the last word may be written twice. */
WEIR_HOT_FN int weir_hot_copy(__u8 *to, const __u8 *end, const __u8 *blob, __u32 room, __u32 from,
			      __u32 len)
{
	__u32 last;

	if (!len)
		return 0;
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (__u32 i = 0; i < room; i += 8) {
		__u32 at = from + i;

		if (i + 8 > len)
			break;
		weir_hot_forget(at);
		if (at > room - 8 || to + i + 8 > end)
			return -1;
		*(__u64 *)(to + i) = weir_hot_load(blob + at);
	}
	last = (len - 8) & 0x7ff;
	from += last;
	weir_hot_forget(from);
	weir_hot_forget(last);
	to += last;
	if (from > room - 8 || to + 8 > end)
		return -1;
	*(__u64 *)to = weir_hot_load(blob + from);
	return 0;
}

/* Of a sum of 16-bit words, as it counts where these begin at an odd offset. */
WEIR_HOT_FN __u32 weir_hot_odd(__u32 sum, __u32 odd)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return odd & 1 ? (sum << 8 & 0xff00) | sum >> 8 : sum;
}

/* Of the 16-bit words of a word. */
WEIR_HOT_FN __u32 weir_hot_sum(__u64 word)
{
	return (__u32)(word & 0xffff) + (__u32)(word >> 16 & 0xffff) +
	       (__u32)(word >> 32 & 0xffff) + (__u32)(word >> 48);
}

WEIR_HOT_FN __u32 weir_hot_write_opt(__u8 *opt, const struct weir_hot_query *q)
{
	/* 0, type, size; extended rcode and version 0; flags; no options. */
	__u64 word = (__u64)weir_hot_be16(WEIR_HOT_OPT_TYPE) << 8 |
		     (__u64)weir_hot_be16(WEIR_DNS_ANSWER_SIZE) << 24;

	word |= (__u64)(q->dnssec_ok * WEIR_HOT_DO) << 56;
	*(__u64 *)opt = word;
	opt[8] = opt[9] = opt[10] = 0;
	return weir_hot_sum(word);
}

/* Behind an OPT: the sum as it counts from where that begins. */
WEIR_HOT_FN __u32 weir_hot_write_cookie(__u8 *opt, const struct weir_hot_query *q)
{
	const __u32 len = WEIR_HOT_OPTION + WEIR_HOT_COOKIE_BOTH;
	__u8 *cookie = opt + WEIR_HOT_OPT + WEIR_HOT_OPTION;

	opt[10] = len;
	*(__u16 *)(opt + 11) = weir_hot_be16(WEIR_HOT_COOKIE);
	*(__u16 *)(opt + 13) = weir_hot_be16(WEIR_HOT_COOKIE_BOTH);
	*(__u64 *)cookie = q->cookie[0];
	*(__u64 *)(cookie + 8) = q->cookie[1];
	*(__u64 *)(cookie + 16) = q->cookie[2];
	return len + WEIR_HOT_COOKIE + WEIR_HOT_COOKIE_BOTH +
	       weir_hot_odd(weir_hot_sum(q->cookie[0]) + weir_hot_sum(q->cookie[1]) +
				    weir_hot_sum(q->cookie[2]),
			    1);
}

/* Makes the query at msg its own answer: all but the question, which stays as it came, is written.
 * blob: of the entry that the plan was taken from, of room bytes, a constant. end is no earlier
 * than msg + weir_hot_size(). *sum: of the answer's 16-bit words, in 32 bits. Negative: something
 * would be outside. */
WEIR_HOT_FN int weir_hot_write(__u8 *msg, const __u8 *end, const struct weir_hot_query *q,
			       const struct weir_hot_plan *plan, const __u8 *blob, __u32 room,
			       __u32 *sum)
{
	__u32 at =
		(*(const volatile __u16 *)&q->name_len & 0x1ff) + WEIR_HOT_HEADER + WEIR_HOT_FIXED;
	__u32 len = plan->c.len & 0x7ff, s;
	__u16 additional;
	__u64 head;
	__u8 *rest;

	if (msg + WEIR_HOT_HEADER > end)
		return -1;
	/* From the third byte on; nothing is read back: a read behind narrower stores waits for all
	 * that were made before them. */
	head = (__u64)(WEIR_HOT_QR | (msg[2] & WEIR_HOT_RD) | plan->flags) |
	       (__u64)plan->rcode << 8 | (__u64)weir_hot_be16(1) << 16 |
	       (__u64)weir_hot_be16(plan->c.answers) << 32 |
	       (__u64)weir_hot_be16(plan->c.authority) << 48;
	additional = weir_hot_be16(plan->c.additional + q->edns);
	*(__u64 *)(msg + 2) = head;
	*(__u16 *)(msg + 10) = additional;
	s = weir_hot_load16(msg) + weir_hot_sum(head) + additional + weir_hot_odd(q->sum, 0) +
	    weir_hot_odd((__u32)q->fixed_sum + plan->c.sum, q->name_len);
	weir_hot_forget(at);
	rest = msg + at;
	if (weir_hot_copy(rest, end, blob, room, plan->c.at, len))
		return -1;
	if (q->edns) {
		__u32 opt;

		rest += len;
		if (rest + WEIR_HOT_OPT > end)
			return -1;
		opt = weir_hot_write_opt(rest, q);
		if (q->tells_cookie) {
			if (rest + WEIR_HOT_OPT + WEIR_HOT_OPTION + WEIR_HOT_COOKIE_BOTH > end)
				return -1;
			opt += weir_hot_write_cookie(rest, q);
		}
		s += weir_hot_odd(opt, q->name_len + len);
	}
	*sum = s;
	return 0;
}

#endif
