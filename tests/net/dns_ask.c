/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_ask.c - asks a DNS server more than dig can.
 *
 *   dns_ask each udp|tcp ADDRESS SEED N FILE      N questions of "NAME TYPE" lines of FILE, with
 * and without EDNS and in mixed case, as SEED says; prints a digest of each answer, in order
 *   dns_ask count udp|tcp ADDRESS SEED N NAME TYPE   the same question N times; prints each answer
 *     that came and how often, as what is behind the question in hexadecimal digits
 *   dns_ask steady udp ADDRESS SEED N NAME TYPE      N questions, 1,000 a second, none asked twice
 *   dns_ask until udp ADDRESS SEED MS NAME TYPE HEX  asks until HEX was in no answer for so many
 * ms; prints when it last was, in ms since 1970
 *
 * Unless steady, what is not answered in time is asked again. What is answered but not to the
 * question fails at once. On standard error: how many were answered, and asked again. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"

#define WINDOW   1024 /* questions on their way, at most */
#define AT_ONCE  64   /* the same unless steady */
#define AGAIN_MS 500
#define TRIES    20
#define MESSAGE  1500
#define NAMES    4096

struct question {
	uint8_t b[320];
	uint16_t len, end; /* of the question section */
	uint64_t sent_ms;
	uint32_t index;
	unsigned tries;
};

static struct question window[WINDOW];
static uint64_t *digests;
static struct answer {
	char hex[2 * MESSAGE + 1];
	uint32_t n;
} answers[128];
static uint32_t n_answers, n_done, n_again, n_lost;
static char names[NAMES][260];
static uint16_t types[NAMES];
static uint32_t n_names;
static uint64_t seed;
static bool tcp, steady, each;
static int fd;

static void fail(const char *why)
{
	fprintf(stderr, "dns_ask: %s: %s\n", why, strerror(errno));
	exit(1);
}

static uint64_t roll(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t now_ms(clockid_t clock)
{
	return ask_now_ns(clock) / 1000000;
}

/* --- messages --- */

static uint8_t *put_name(uint8_t *p, const char *text, uint64_t mix)
{
	while (*text) {
		size_t label = strcspn(text, ".");

		*p++ = (uint8_t)label;
		for (size_t i = 0; i < label; i++, mix = mix >> 1 | mix << 63)
			*p++ = text[i] >= 'a' && text[i] <= 'z' && mix & 1 ? (uint8_t)(text[i] - 32)
									   : (uint8_t)text[i];
		text += label + (text[label] == '.');
	}
	*p++ = 0;
	return p;
}

static void make(struct question *q, uint32_t index)
{
	uint64_t r = each ? roll() : 0;
	uint32_t n = each ? (uint32_t)(r >> 32) % n_names : 0;
	bool edns = r >> 1 & 1;
	uint8_t *p;

	*q = (struct question){ .index = index };
	p = ask_put_header(q->b, index & 0xffff, r & 1, edns);
	p = put_name(p, names[n], each ? roll() : 0);
	p = ask_put16(ask_put16(p, types[n]), 1);
	q->end = (uint16_t)(p - q->b);
	if (edns)
		p = ask_put_opt(p, r >> 2 & 1 ? 1232 : 4096, r >> 3 & 1);
	q->len = (uint16_t)(p - q->b);
}

static void send_one(struct question *q)
{
	uint8_t framed[sizeof(q->b) + 2] = { (uint8_t)(q->len >> 8), (uint8_t)q->len };

	memcpy(framed + 2, q->b, q->len);
	q->sent_ms = now_ms(CLOCK_MONOTONIC);
	q->tries++;
	if (send(fd, framed + (tcp ? 0 : 2), q->len + (tcp ? 2u : 0u), MSG_NOSIGNAL) < 0 &&
	    errno != ECONNREFUSED)
		fail("send");
}

static void note_answer(const uint8_t *b, size_t len)
{
	char hex[2 * MESSAGE + 1];
	uint32_t i;

	for (size_t k = 0; k < len; k++)
		sprintf(hex + 2 * k, "%02x", b[k]);
	hex[2 * len] = 0;
	for (i = 0; i < n_answers && strcmp(answers[i].hex, hex) != 0; i++)
		;
	if (i == sizeof(answers) / sizeof(*answers))
		fail("more than 128 answers");
	if (i == n_answers) {
		strcpy(answers[i].hex, hex);
		n_answers++;
	}
	answers[i].n++;
}

static void take(const uint8_t *b, size_t len)
{
	unsigned id = len < 12 ? 0 : (unsigned)(b[0] << 8 | b[1]);
	struct question *q = &window[id % WINDOW];
	uint64_t digest = 0xcbf29ce484222325ull;

	if (len < 12 || !q->len || memcmp(q->b, b, 2))
		return; /* of one that was asked twice */
	if (len < q->end || !(b[2] & 0x80) || memcmp(b + 12, q->b + 12, q->end - 12u))
		fail("an answer to something else");
	for (size_t i = 2; i < len; i++)
		digest = (digest ^ b[i]) * 0x100000001b3ull;
	if (each)
		digests[q->index] = digest;
	else
		note_answer(b + q->end, len - q->end);
	q->len = 0;
	n_done++;
}

/* --- the wire --- */

static void receive_tcp(void)
{
	static uint8_t in[65536 * 2];
	static size_t have;
	ssize_t n = recv(fd, in + have, sizeof(in) - have, MSG_DONTWAIT);
	size_t at = 0;

	if (n == 0 || (n < 0 && errno != EAGAIN))
		fail("the connection ended");
	have += n > 0 ? (size_t)n : 0;
	while (have - at >= 2 && have - at >= 2u + (in[at] << 8 | in[at + 1])) {
		size_t len = (size_t)(in[at] << 8 | in[at + 1]);

		take(in + at + 2, len);
		at += 2 + len;
	}
	have -= at;
	memmove(in, in + at, have);
}

static void receive(int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t b[65536];
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return;
	if (tcp) {
		receive_tcp();
		return;
	}
	while ((n = recv(fd, b, sizeof(b), MSG_DONTWAIT)) > 0)
		take(b, (size_t)n);
}

static void ask_again(void)
{
	uint64_t now = now_ms(CLOCK_MONOTONIC);

	for (uint32_t i = 0; i < WINDOW; i++) {
		struct question *q = &window[i];

		if (!q->len || now - q->sent_ms < AGAIN_MS)
			continue;
		if (steady) {
			q->len = 0;
			n_lost++;
			continue;
		}
		if (q->tries == TRIES)
			fail("no answer");
		n_again++;
		send_one(q);
	}
}

static void run(uint32_t n)
{
	uint64_t began = now_ms(CLOCK_MONOTONIC);

	for (uint32_t next = 0; n_done + n_lost < n;) {
		while (next < n && !window[next % WINDOW].len &&
		       (steady ? next <= now_ms(CLOCK_MONOTONIC) - began
			       : next < n_done + AT_ONCE)) {
			make(&window[next % WINDOW], next);
			send_one(&window[next % WINDOW]);
			next++;
		}
		receive(steady ? 1 : 50);
		ask_again();
	}
}

/* One question after the other, until what is looked for is gone. */
static void until(uint64_t ms, const char *hex)
{
	uint64_t last = now_ms(CLOCK_REALTIME);

	while (now_ms(CLOCK_REALTIME) - last < ms) {
		n_answers = 0;
		make(&window[0], 0);
		send_one(&window[0]);
		receive(20);
		if (n_answers && strstr(answers[0].hex, hex))
			last = now_ms(CLOCK_REALTIME);
	}
	printf("%llu\n", (unsigned long long)last);
}

static void open_socket(const char *address)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(53) };
	bool v6 = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	int bytes = 4 << 20;

	if (!v6 && inet_pton(AF_INET, address, &four.sin_addr) != 1)
		fail(address);
	fd = socket(v6 ? AF_INET6 : AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (connect(fd, v6 ? (void *)&six : (void *)&four, v6 ? sizeof(six) : sizeof(four)))
		fail("connect");
}

static uint16_t type_of(const char *text)
{
	unsigned type = ask_type(text);

	if (!type)
		fail(text);
	return (uint16_t)type;
}

static void read_names(const char *path)
{
	FILE *f = fopen(path, "r");
	char type[16];

	if (!f)
		fail(path);
	while (n_names < NAMES && fscanf(f, "%259s %15s", names[n_names], type) == 2)
		types[n_names++] = type_of(type);
	fclose(f);
}

int main(int argc, char **argv)
{
	uint32_t n;

	if (argc < 7)
		return 2;
	each = !strcmp(argv[1], "each");
	steady = !strcmp(argv[1], "steady");
	tcp = !strcmp(argv[2], "tcp");
	seed = strtoull(argv[4], NULL, 10);
	n = (uint32_t)strtoul(argv[5], NULL, 10);
	open_socket(argv[3]);
	if (each) {
		read_names(argv[6]);
		digests = calloc(n, sizeof(*digests));
	} else {
		snprintf(names[0], sizeof(names[0]), "%s", argv[6]);
		types[0] = type_of(argv[7]);
	}
	if (!strcmp(argv[1], "until")) {
		until(n, argv[8]);
		return 0;
	}
	run(n);
	for (uint32_t i = 0; each && i < n; i++)
		printf("%016llx\n", (unsigned long long)digests[i]);
	for (uint32_t i = 0; i < n_answers; i++)
		printf("%u %s\n", answers[i].n, answers[i].hex);
	fprintf(stderr, "answered %u, again %u, lost %u\n", n_done, n_again, n_lost);
	return n_lost != 0;
}
