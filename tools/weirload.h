/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirload.h - what the parts of the traffic generator share. One thread, one epoll a command. */
#ifndef WEIRLOAD_H
#define WEIRLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/addr.h"

#define LOAD_NAME 8 /* bytes of a server's name, with its NUL */

/* --- the stream that `serve` and `transfers` speak, in host order: both run on one machine ---
 *
 * The client opens with a hello, then sends up_seed's pattern. The server answers with blocks,
 * each of them a header and the next bytes of down_seed's pattern. A pattern is different at
 * every position and for every seed, so lost, repeated or mixed bytes are seen at once. */
#define LOAD_HELLO 0x4f4c4c4548524957ull
#define LOAD_BLOCK 0x4b434f4c42524957ull

struct load_hello {
	uint64_t magic;
	uint64_t down_seed, up_seed;
	uint64_t rate; /* bytes per second of payload down, 0: as fast as it goes */
};

#define LOAD_PAYLOAD 1000
struct load_block {
	uint64_t magic;
	char name[LOAD_NAME]; /* who sends */
	uint64_t up;          /* bytes of the client's pattern that came in and were right */
	uint8_t payload[LOAD_PAYLOAD];
};
_Static_assert(sizeof(struct load_block) == 1024, "load_block");

/* Writes the len bytes of seed's pattern that begin at offset. */
void load_pattern(uint64_t seed, uint64_t offset, uint8_t *out, size_t len);
bool load_pattern_ok(uint64_t seed, uint64_t offset, const uint8_t *bytes, size_t len);

/* A request or an answer over UDP; in an answer name is set. */
struct load_datagram {
	uint64_t flow, seq;
	char name[LOAD_NAME];
};

/* --- clocks --- */
uint64_t load_mono_ms(void);
uint64_t load_wall_ms(void);

/* --- counting by name (of a server, of a kind of failure) --- */
#define LOAD_NAMES 32
struct load_tally {
	uint32_t n;
	struct load_count {
		char name[32];
		uint64_t count;
		uint64_t first, last; /* wall clock, ms */
	} by[LOAD_NAMES];             /* what does not fit is counted in the last one */
};
void load_tally_add(struct load_tally *t, const char *name, uint64_t wall_ms);

enum load_field {
	LOAD_COUNT,
	LOAD_FIRST,
	LOAD_LAST
};

/* Prints "key":{"a":1,"b":2} on standard output, names made harmless. */
void load_tally_print(const struct load_tally *t, const char *key, enum load_field field);

/* The word for an errno: refused, reset, timeout, unreachable, other. */
const char *load_failure(int err);

/* --- sockets and the loop --- */

/* A nonblocking, connecting socket, or -1 with errno. from NULL: any address. */
int load_connect(const struct weir_sockaddr *to, const struct weir_sockaddr *from, int type);

/* A new epoll that also reports SIGINT and SIGTERM, as an event whose pointer is NULL. */
int load_epoll(void);
void load_watch(int epoll, int op, int fd, uint32_t events, void *ptr);

/* --- options: each ends the program with status 2 and a sentence when text will not do --- */
uint64_t load_number(const char *option, const char *text, uint64_t min, uint64_t max);
uint64_t load_seconds_ms(const char *option, const char *text); /* "0.5" is 500 */
struct weir_sockaddr load_source(const char *text);             /* without a port */
struct weir_sockaddr load_target(int argc, char **argv, int at);
_Noreturn void load_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- commands; return the exit status --- */
int load_cmd_connect(int argc, char **argv);
int load_cmd_transfers(int argc, char **argv);
int load_cmd_udp(int argc, char **argv);
int load_cmd_serve(int argc, char **argv);

#endif
