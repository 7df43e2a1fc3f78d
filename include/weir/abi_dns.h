/* SPDX-License-Identifier: GPL-2.0-or-later */
/* abi_dns.h - the part of abi.h, which includes it, that is about DNS queries: those the kernel
 * answers, and what it lets through to the agent's sockets. The same rules, and WEIR_ABI, hold for
 * it. */
#ifndef WEIR_ABI_DNS_H
#define WEIR_ABI_DNS_H

#define WEIR_DNS_NAME        255   /* bytes on the wire of the longest name */
#define WEIR_HOT_WORDS       32    /* of 8 bytes, which hold any name */
#define WEIR_DNS_LARGEST     4096  /* no query is larger, whatever its options */
#define WEIR_DNS_ANSWER_SIZE 1232  /* the largest answer (RFC 9715), and what OPT announces */
#define WEIR_DNS_PLAIN_SIZE  512   /* the largest one without OPT (RFC 1035) */
#define WEIR_MAX_HOT_ANSWERS 65536 /* entries; each that is there takes 1/2 or 2 KiB of memory */
#define WEIR_HOT_NAME        128   /* bytes of the longest name that the kernel answers */
#define WEIR_HOT_CHOICES     32    /* of one entry, a power of two */
#define WEIR_HOT_BLOB        1280
#define WEIR_SMALL_NAME      64 /* the same of an entry that is a small one */
#define WEIR_SMALL_CHOICES   8
#define WEIR_SMALL_BLOB      208
#define WEIR_DNS_MAX_ZONES   1048576 /* apexes; memory is taken for those that are there */
#define WEIR_DNS_MAX_LABELS  127     /* of a name */
#define WEIR_DNS_FOREIGN_PER_S \
	1000 /* queries for names of no zone that pass, per CPU and road, to be refused */
#define WEIR_DNS_MAX_RATE  1000000 /* queries a second */
#define WEIR_DNS_MAX_BURST 1000000

/* What is asked. hash: weir_hot_hash() of the name in lower case; type as a number. Entries with
 * dnssec_ok are there only beside those without it that have WEIR_HOT_SIGNED. */
struct weir_hot_key {
	__u64 hash;
	__u16 type;
	__u8 dnssec_ok;
	__u8 pad[5];
};

/* One of the answers of an entry: what follows the question, as it is sent. sum: of the 16-bit
 * words of those bytes as they lie in memory, the first one whole, in 16 bits. upto: it is chosen
 * when the die, 32 bits, is below this and not below that of the choice before it; that of the
 * last one, which takes what is left, and all behind it are all ones. */
struct weir_hot_choice {
	__u16 at, len;                        /* in blob */
	__u16 answers, authority, additional; /* records; without OPT */
	__u16 sum;
};

/* An entry, replaced as a whole by an update. An element that was replaced may be written anew
 * while it is still read: first and last are the same number, of this version of this entry, and
 * who reads it looks at last before all else and at first after it. */
struct weir_hot_answer {
	__u64 first;
	__u64 name[WEIR_HOT_NAME / 8]; /* in lower case on the wire, then zeros */
	__u16 name_len;
	__u8 flags; /* WEIR_DNS_* */
	__u8 rcode;
	__u8 n; /* choices, 1 or more */
	__u8 pad;
	__u16 hits; /* where it is counted */
	__u32 upto[WEIR_HOT_CHOICES];
	struct weir_hot_choice choice[WEIR_HOT_CHOICES];
	__u8 blob[WEIR_HOT_BLOB];
	__u64 last;
};

/* The same, for what has room in it: most entries. One is in the other map, or this. Elements of a
 * power of two of bytes begin in the same few lines of a cache: of those of 2 KiB it holds a
 * quarter as many. */
struct weir_hot_small {
	__u64 first;
	__u64 name[WEIR_SMALL_NAME / 8];
	__u16 name_len;
	__u8 flags;
	__u8 rcode;
	__u8 n;
	__u8 pad;
	__u16 hits;
	__u32 upto[WEIR_SMALL_CHOICES];
	struct weir_hot_choice choice[WEIR_SMALL_CHOICES];
	__u8 blob[WEIR_SMALL_BLOB];
	__u64 last;
};
#define WEIR_HOT_AUTHORITATIVE 1u
#define WEIR_HOT_SIGNED        2u /* who asks with DO gets another entry */

/* How often entries were answered on a CPU since there are maps: by their hits. */
struct weir_dns_hits {
	__u64 of[WEIR_MAX_HOT_ANSWERS];
};

/* What else the programs must know. Stored field by field while they run. */
struct weir_dns_guard {
	__u32 rate; /* queries a second of each prefix of clients that are answered; 0: any */
	__u32 burst;
	__u32 slip;    /* one in so many that are over it is let through all the same; 0: none */
	__u32 labels;  /* of the deepest apex */
	__u32 zones;   /* 1: weir_dns_zones says it all; 0: every name may be ours */
	__u32 cookies; /* 1: RFC 7873, with the key below */
	__u32 pad[2];
	union weir_addr mask[2]; /* what of an IPv4 (mapped), IPv6 address is the prefix */
	__u64 cookie_key[2];     /* 16 bytes, as they lie in memory */
	__u64 wall_s;            /* seconds since 1970 when the host started */
};

/* What became of queries: name, whether it is a drop, and the sentence for people. Roads: the
 * packet program (XDP), the tc program (TC), the filter on the sockets. */
#define WEIR_DNS_REASONS(X)                                                                  \
	X(DNS_QUERY, 0, "a well-formed query, queued for an answer")                         \
	X(DNS_ANSWER_XDP, 0, "answered where packets come in (XDP)")                         \
	X(DNS_ANSWER_TC, 0, "answered where packets come in (tc)")                           \
	X(DNS_SLIP, 0, "over its source's rate, answered with TC: to be asked by TCP")       \
	X(DNS_PASS_NAME, 0, "passed on to the sockets: no answer to it is prepared")         \
	X(DNS_PASS_ODD, 0, "passed on to the sockets: more than a plain question")           \
	X(DNS_PASS_SIZE, 0, "passed on to the sockets: the answer is larger than asked")     \
	X(DNS_PASS_ROOM, 0, "passed on to the sockets: the packet has no room to grow")      \
	X(DNS_PASS_PACKET, 0, "passed on to the sockets: not a plain datagram")              \
	X(DNS_DROP_SHORT, 1, "shorter than a header and a question")                         \
	X(DNS_DROP_LARGE, 1, "larger than any query")                                        \
	X(DNS_DROP_RESPONSE, 1, "a response, not a query")                                   \
	X(DNS_DROP_COUNTS, 1, "section counts no query has")                                 \
	X(DNS_DROP_NAME, 1, "a name that is not one, or ends outside the message")           \
	X(DNS_DROP_FOREIGN, 1, "a name of none of the zones, beyond those that are refused") \
	X(DNS_DROP_RATE, 1, "over the rate of its source")                                   \
	X(DNS_DROP_CHANGED, 1, "its answer was changed while it was written")

enum weir_dns_reason {
#define WEIR_REASON_ENUM(name, drop, text) WEIR_##name,
	WEIR_DNS_REASONS(WEIR_REASON_ENUM)
#undef WEIR_REASON_ENUM
	WEIR_DNS_REASON_COUNT,
};
#define WEIR_DNS_LAST_ANSWER WEIR_DNS_SLIP
#define WEIR_DNS_LAST_PASS   WEIR_DNS_PASS_PACKET

/* Of a name's 8-byte words, the last one filled up with zeros: begin with 0. */
static inline __u64 weir_hot_hash(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

/* Of a suffix in lower case, byte by byte from its end (the root's label): begin with 0. Of the
 * suffix itself: weir_dns_zone_key(). */
static inline __u64 weir_dns_zone_hash(__u64 hash, __u8 byte)
{
	return (hash ^ byte) * 0x100000001b3ull + 0x9e3779b97f4a7c15ull;
}
static inline __u64 weir_dns_zone_key(__u64 hash)
{
	return hash ^ hash >> 32;
}

_Static_assert(sizeof(struct weir_hot_key) == 16, "weir_hot_key");
_Static_assert(sizeof(struct weir_hot_answer) == 1944, "2 KiB with key and header of an element");
_Static_assert(sizeof(struct weir_hot_small) == 424, "512 bytes with key and header of an element");
_Static_assert(WEIR_MAX_HOT_ANSWERS == 65536, "as many as hits can be told apart by 16 bits");
_Static_assert(WEIR_HOT_NAME % 8 == 0 && WEIR_HOT_BLOB % 8 == 0, "whole words");

#endif
