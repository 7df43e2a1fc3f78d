/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pcapng.h"

#include <string.h>

#include "base/mem.h"

#define SECTION        0x0a0d0d0au
#define INTERFACE      1u
#define STATS          5u
#define PACKET         6u
#define BYTE_ORDER_IS  0x1a2b3c4du
#define ETHERNET       1
#define LENGTH_UNKNOWN 0xffffffffu

/* Options; which number means what depends on the block. */
enum option {
	END = 0,
	COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_TIME = 9,
	PACKET_FLAGS = 2,
	STATS_FROM = 2,
	STATS_TO = 3,
	STATS_ACCEPTED = 6,
	STATS_LOST = 7, /* by the operating system */
	STATS_WRITTEN = 8,
};

static void put(struct weir_bytes *to, const void *bytes, size_t len)
{
	if (to->room - to->len < len) {
		to->room = 2 * (to->len + len);
		to->data = weir_grow(to->data, to->room, 1);
	}
	if (len)
		memcpy(to->data + to->len, bytes, len);
	to->len += len;
}

static void put16(struct weir_bytes *to, uint16_t v)
{
	put(to, &v, sizeof(v));
}

static void put32(struct weir_bytes *to, uint32_t v)
{
	put(to, &v, sizeof(v));
}

/* Then up to a multiple of 4. */
static void put_padded(struct weir_bytes *to, const void *bytes, size_t len)
{
	static const uint8_t zeros[3];

	put(to, bytes, len);
	put(to, zeros, -len & 3);
}

static void put_option(struct weir_bytes *to, enum option code, const void *value, size_t len)
{
	put16(to, (uint16_t)code);
	put16(to, (uint16_t)len);
	put_padded(to, value, len);
}

static void put_text(struct weir_bytes *to, enum option code, const char *text)
{
	if (text)
		put_option(to, code, text, strnlen(text, UINT16_MAX));
}

static void put_count(struct weir_bytes *to, enum option code, uint64_t v)
{
	put_option(to, code, &v, sizeof(v));
}

/* Times are two words, the higher one first, whatever the byte order. */
static void put_time(struct weir_bytes *to, uint64_t ns)
{
	put32(to, (uint32_t)(ns >> 32));
	put32(to, (uint32_t)ns);
}

static void put_time_option(struct weir_bytes *to, enum option code, uint64_t ns)
{
	put16(to, (uint16_t)code);
	put16(to, 8);
	put_time(to, ns);
}

/* Returns where the block begins, for end(). */
static size_t begin(struct weir_bytes *to, uint32_t type)
{
	size_t at = to->len;

	put32(to, type);
	put32(to, 0);
	return at;
}

/* The length of a block is in front of it and behind it. */
static void end(struct weir_bytes *to, size_t at)
{
	uint32_t len = (uint32_t)(to->len - at) + 4;

	memcpy(to->data + at + 4, &len, sizeof(len));
	put32(to, len);
}

void weir_pcapng_section(struct weir_bytes *to, const char *application, const char *comment)
{
	size_t at = begin(to, SECTION);

	put32(to, BYTE_ORDER_IS);
	put16(to, 1); /* version 1.0 */
	put16(to, 0);
	put32(to, LENGTH_UNKNOWN); /* of the section, in 64 bits */
	put32(to, LENGTH_UNKNOWN);
	put_text(to, COMMENT, comment);
	put_text(to, SECTION_APPLICATION, application);
	put_option(to, END, NULL, 0);
	end(to, at);
}

void weir_pcapng_interface(struct weir_bytes *to, const char *name, uint32_t snaplen)
{
	const uint8_t ns = 9; /* units of 10^-9 s */
	size_t at = begin(to, INTERFACE);

	put16(to, ETHERNET);
	put16(to, 0);
	put32(to, snaplen);
	put_text(to, INTERFACE_NAME, name);
	put_option(to, INTERFACE_TIME, &ns, sizeof(ns));
	put_option(to, END, NULL, 0);
	end(to, at);
}

void weir_pcapng_packet(struct weir_bytes *to, const struct weir_pcapng_packet *p)
{
	uint32_t flags = p->way;
	size_t at = begin(to, PACKET);

	put32(to, p->interface);
	put_time(to, p->ns);
	put32(to, p->len);
	put32(to, p->was);
	put_padded(to, p->data, p->len);
	put_text(to, COMMENT, p->comment);
	put_option(to, PACKET_FLAGS, &flags, sizeof(flags));
	put_option(to, END, NULL, 0);
	end(to, at);
}

void weir_pcapng_stats(struct weir_bytes *to, const struct weir_pcapng_stats *s)
{
	size_t at = begin(to, STATS);

	put32(to, s->interface);
	put_time(to, s->to_ns);
	put_text(to, COMMENT, s->comment);
	put_time_option(to, STATS_FROM, s->from_ns);
	put_time_option(to, STATS_TO, s->to_ns);
	put_count(to, STATS_ACCEPTED, s->accepted);
	put_count(to, STATS_LOST, s->lost);
	put_count(to, STATS_WRITTEN, s->written);
	put_option(to, END, NULL, 0);
	end(to, at);
}
