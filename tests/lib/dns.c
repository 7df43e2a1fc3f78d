/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.c - messages and entries, written as plainly as can be. */
#include "dns.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void put(struct dns_msg *m, uint32_t value, unsigned bytes)
{
	assert(m->len + bytes <= sizeof(m->b));
	while (bytes--)
		m->b[m->len++] = (uint8_t)(value >> 8 * bytes);
}

uint32_t dns_name(const char *text, uint8_t wire[256])
{
	uint32_t len = 0;

	while (*text) {
		size_t label = strcspn(text, ".");

		assert(label && label < 64 && len + label + 2 <= 256);
		wire[len++] = (uint8_t)label;
		memcpy(wire + len, text, label);
		len += (uint32_t)label;
		text += label + (text[label] == '.');
	}
	wire[len++] = 0;
	return len;
}

struct dns_msg dns_append(struct dns_msg m, const void *bytes, uint32_t len)
{
	assert(m.len + len <= sizeof(m.b));
	memcpy(m.b + m.len, bytes, len);
	m.len += len;
	return m;
}

struct dns_msg dns_query(const char *name, uint16_t type)
{
	static const uint8_t header[12] = { 0xab, 0xcd, 1, 0, 0, 1 };
	struct dns_msg m = dns_append((struct dns_msg){ 0 }, header, sizeof(header));
	uint8_t wire[256];

	m = dns_append(m, wire, dns_name(name, wire));
	put(&m, type, 2);
	put(&m, 1, 2);
	return m;
}

struct dns_msg dns_edns(struct dns_msg m, uint16_t size, int dnssec_ok)
{
	m.b[11]++;
	put(&m, 0, 1);
	put(&m, DNS_OPT, 2);
	put(&m, size, 2);
	put(&m, dnssec_ok ? 0x8000 : 0, 4);
	put(&m, 0, 2);
	return m;
}

struct dns_msg dns_byte(struct dns_msg m, uint32_t at, int to)
{
	m.b[at] = (uint8_t)to;
	return m;
}

uint32_t dns_question_end(const struct dns_msg *m)
{
	uint32_t at = 12;

	while (m->b[at])
		at += m->b[at] + 1u;
	return at + 5;
}

void dns_record(struct dns_msg *m, uint16_t owner, uint16_t type, uint32_t ttl, const void *data,
		uint16_t len)
{
	put(m, 0xc000u | owner, 2);
	put(m, type, 2);
	put(m, 1, 2);
	put(m, ttl, 4);
	put(m, len, 2);
	*m = dns_append(*m, data, len);
}

struct dns_hot dns_hot(const char *name, uint16_t type)
{
	struct dns_hot h = { .key = { .type = type },
			     .value = { .flags = WEIR_HOT_AUTHORITATIVE } };
	uint8_t wire[256];

	h.value.name_len = (uint16_t)dns_name(name, wire);
	assert(h.value.name_len <= WEIR_HOT_NAME);
	for (uint32_t i = 0; i < h.value.name_len; i++)
		((uint8_t *)h.value.name)[i] = (uint8_t)tolower(wire[i]);
	for (uint32_t i = 0; i * 8 < h.value.name_len; i++)
		h.key.hash = weir_hot_hash(h.key.hash, h.value.name[i]);
	memset(h.value.upto, 0xff, sizeof(h.value.upto));
	h.value.first = h.value.last = 77;
	return h;
}

static uint16_t sum_of(const uint8_t *b, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? (uint32_t)b[i] << 8 : b[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void window(struct dns_hot *h, uint32_t upto, uint32_t at, uint32_t len, uint16_t answers,
		   uint16_t authority)
{
	struct weir_hot_answer *v = &h->value;

	assert(v->n < WEIR_HOT_CHOICES && at + len <= WEIR_HOT_BLOB);
	v->upto[v->n] = upto;
	v->choice[v->n++] = (struct weir_hot_choice){
		.at = (uint16_t)at,
		.len = (uint16_t)len,
		.answers = answers,
		.authority = authority,
		.sum = sum_of(v->blob + at, len),
	};
}

void dns_choice(struct dns_hot *h, uint32_t upto, const struct dns_msg *m, uint16_t answers,
		uint16_t authority)
{
	struct weir_hot_answer *v = &h->value;
	uint32_t at = v->n ? v->choice[v->n - 1].at + v->choice[v->n - 1].len : 0u;

	assert(at + m->len <= WEIR_HOT_BLOB);
	memcpy(v->blob + at, m->b, m->len);
	window(h, upto, at, m->len, answers, authority);
}

/* So much of 2^32, at most all ones. */
static uint32_t share(uint64_t part, uint64_t all)
{
	return part == all ? 0xffffffff : (uint32_t)((part << 32) / all);
}

void dns_rotated(struct dns_hot *h, uint32_t n)
{
	struct dns_msg m = { 0 };

	for (uint32_t i = 0; i < 2 * n; i++) {
		uint8_t a[4] = { 192, 0, 2, (uint8_t)(1 + i % n) };

		dns_record(&m, 12, DNS_A, 60, a, sizeof(a));
	}
	assert(m.len <= WEIR_HOT_BLOB);
	memcpy(h->value.blob, m.b, m.len);
	for (uint32_t i = 0; i < n; i++)
		window(h, share(i + 1, n), i * 16, n * 16, (uint16_t)n, 0);
}

void dns_weighted(struct dns_hot *h, uint32_t n)
{
	uint64_t sum = 0, all = n * (n + 1) / 2;

	for (uint32_t i = 1; i <= n; i++) {
		struct dns_msg m = { 0 };
		uint8_t wire[256];
		char target[32];

		snprintf(target, sizeof(target), "t%u.example.net", i);
		dns_record(&m, 12, DNS_CNAME, 60, wire, (uint16_t)dns_name(target, wire));
		sum += i;
		dns_choice(h, share(sum, all), &m, 1, 0);
	}
}

uint64_t dns_chances(const struct dns_hot *h, uint32_t choice)
{
	const struct weir_hot_answer *v = &h->value;
	uint64_t to = choice + 1 == v->n ? 1ull << 32 : v->upto[choice];

	return to - (choice ? v->upto[choice - 1] : 0);
}

/* Header and question of an answer. */
static struct dns_msg begin_answer(const struct dns_msg *query, int flags, int rcode)
{
	struct dns_msg m = { .len = dns_question_end(query) };

	memcpy(m.b, query->b, m.len);
	m.b[2] = (uint8_t)(0x80 | flags | (query->b[2] & 1));
	m.b[3] = (uint8_t)rcode;
	memset(m.b + 6, 0, 6);
	return m;
}

static struct dns_msg end_answer(struct dns_msg m, const struct dns_msg *query)
{
	if (query->len == dns_question_end(query))
		return m;
	return dns_edns(m, WEIR_DNS_ANSWER_SIZE, query->b[dns_question_end(query) + 7] & 0x80);
}

struct dns_msg dns_answer(const struct dns_msg *query, const struct dns_hot *h, uint32_t choice)
{
	const struct weir_hot_choice *c = &h->value.choice[choice];
	struct dns_msg m = begin_answer(query, h->value.flags & WEIR_HOT_AUTHORITATIVE ? 4 : 0,
					h->value.rcode);

	m.b[7] = (uint8_t)c->answers;
	m.b[9] = (uint8_t)c->authority;
	m.b[11] = (uint8_t)c->additional;
	m = dns_append(m, h->value.blob + c->at, c->len);
	return end_answer(m, query);
}

struct dns_msg dns_truncated(const struct dns_msg *query)
{
	return end_answer(begin_answer(query, 4 | 2, 0), query);
}
