/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.h - DNS messages for tests, and entries of prepared answers made by hand, by what weir/abi.h
 * says of them. Everything is passed by value; what would not fit is a bug of the test. */
#ifndef WEIR_TESTS_DNS_H
#define WEIR_TESTS_DNS_H

#include <stdint.h>

#include "weir/abi.h"

#define DNS_MSG_MAX 4500

struct dns_msg {
	uint32_t len;
	uint8_t b[DNS_MSG_MAX];
};

enum {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_OPT = 41,
};

/* "www.example.org" on the wire, its case kept. Returns how many bytes. */
uint32_t dns_name(const char *text, uint8_t wire[256]);

/* A query with this question, of class IN, with RD; and with an OPT behind it. */
struct dns_msg dns_query(const char *name, uint16_t type);
struct dns_msg dns_edns(struct dns_msg m, uint16_t size, int dnssec_ok);
struct dns_msg dns_byte(struct dns_msg m, uint32_t at, int to);
struct dns_msg dns_append(struct dns_msg m, const void *bytes, uint32_t len);
/* Where the bytes behind its question begin. */
uint32_t dns_question_end(const struct dns_msg *m);

/* Records that follow a question: appended to m, of the owner at this offset of the message. */
void dns_record(struct dns_msg *m, uint16_t owner, uint16_t type, uint32_t ttl, const void *data,
		uint16_t len);

/* An entry without choices; and one more, of the records in m. */
struct dns_hot {
	struct weir_hot_key key;
	struct weir_hot_answer value;
};
struct dns_hot dns_hot(const char *name, uint16_t type);
void dns_choice(struct dns_hot *h, uint32_t upto, const struct dns_msg *m, uint16_t answers,
		uint16_t authority);
/* The same for n addresses 192.0.2.1, .2, ..., all of them rotated by equal chances; and n names as
 * targets of a CNAME, tN.example.net, the nth with the weight n. */
void dns_rotated(struct dns_hot *h, uint32_t n);
void dns_weighted(struct dns_hot *h, uint32_t n);
/* The chances of a choice, of 2^32. */
uint64_t dns_chances(const struct dns_hot *h, uint32_t choice);

/* What is to be answered with this choice; with TC and no records. */
struct dns_msg dns_answer(const struct dns_msg *query, const struct dns_hot *h, uint32_t choice);
struct dns_msg dns_truncated(const struct dns_msg *query);

#endif
