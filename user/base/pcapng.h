/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcapng.h - the blocks of a pcapng file (draft-ietf-opsawg-pcapng), appended to memory: what
 * Wireshark, tshark and tcpdump read. In this machine's byte order, Ethernet, times in ns since
 * 1970. Pure; any thread. */
#ifndef WEIR_BASE_PCAPNG_H
#define WEIR_BASE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that grow; start with zeros, free data in the end. */
struct weir_bytes {
	uint8_t *data;
	size_t len, room;
};

/* The first block of a file. Texts may be NULL, here and below. */
void weir_pcapng_section(struct weir_bytes *to, const char *application, const char *comment);

/* An interface; packets name it by the order in which interfaces were written, from 0. snaplen: no
 * packet has more bytes. */
void weir_pcapng_interface(struct weir_bytes *to, const char *name, uint32_t snaplen);

enum weir_pcapng_way {
	WEIR_PCAPNG_IN = 1,
	WEIR_PCAPNG_OUT = 2,
};

struct weir_pcapng_packet {
	uint32_t interface;
	enum weir_pcapng_way way;
	uint64_t ns;
	const void *data;
	uint32_t len, was; /* bytes here, and of the packet */
	const char *comment;
};
void weir_pcapng_packet(struct weir_bytes *to, const struct weir_pcapng_packet *p);

/* What an interface has seen; the last blocks of a file. */
struct weir_pcapng_stats {
	uint32_t interface;
	uint64_t from_ns, to_ns;
	uint64_t accepted; /* passed the filter */
	uint64_t lost;     /* accepted, but there was no room for them */
	uint64_t written;
	const char *comment;
};
void weir_pcapng_stats(struct weir_bytes *to, const struct weir_pcapng_stats *s);

#endif
