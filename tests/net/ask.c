/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask [OPTION...] ADDRESS NAME TYPE - DNS queries over UDP in batches, and what was answered, as
 * one line of JSON: {sent, answered, lost, per_second, rcodes, truncated, p50_us, p99_us, by:
 * {DATA: n}, last: {DATA: ms}}. DATA: an address of an answer, or the target of a CNAME; last: when
 * the last query was sent whose answer had it, in ms since 1970.
 *
 *   -n COUNT   queries (30000), or -s SECONDS of them
 *   -r RATE    a second (as many as -w allows)
 *   -w WINDOW  unanswered at most (256); a query is lost after a second
 *   -k SOCKETS so many source ports (8)
 *   -p PORT    (53)
 *   -m N       the first label of NAME gets a number below N behind it, another one each time
 *   -e         with OPT;  -d with DO, too */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"

#define BATCH     64
#define SOCKETS   64
#define IDS       65536
#define KEYS      512
#define LOST_NS   1000000000ull
#define MESSAGE   1500
#define LATENCIES 100001 /* of a microsecond each */

struct key {
	char text[512];
	uint64_t n, last_ms;
};

struct ask {
	unsigned long long count;
	double seconds, rate;
	unsigned window, n_sockets, many;
	const char *port;
	bool edns, dnssec_ok;
	uint8_t query[512];
	size_t len;
	unsigned type;
	int fd[SOCKETS];

	uint64_t began_ns, sent, answered, lost, truncated;
	uint64_t at_ns[IDS];   /* when the query of an id was sent; 0: it is answered */
	unsigned oldest, next; /* ids in flight, modulo IDS */
	unsigned flying;
	uint64_t rcodes[16];
	uint32_t latency_us[LATENCIES];
	struct key keys[KEYS];
	unsigned n_keys;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "ask: %s: %s\n", what, errno ? strerror(errno) : "wrong");
	exit(2);
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* --- queries --- */

/* With -m room for five digits behind the first label. */
static void make_query(struct ask *a, const char *name)
{
	uint8_t *p = ask_put_header(a->query, 0, true, a->edns);

	for (unsigned label = 0; *name && strlen(name) < 250; label++) {
		size_t n = strcspn(name, "."), more = a->many && !label ? 5 : 0;

		*p++ = (uint8_t)(n + more);
		memcpy(p, name, n);
		memset(p + n, '0', more);
		p += n + more;
		name += n + (name[n] == '.');
	}
	*p++ = 0;
	p = ask_put16(ask_put16(p, a->type), 1);
	if (a->edns)
		p = ask_put_opt(p, 1232, a->dnssec_ok);
	a->len = (size_t)(p - a->query);
}

static void number(const struct ask *a, uint8_t *query, uint64_t n)
{
	uint8_t *end = query + 12 + 1 + query[12];

	n = n * 7919 % a->many; /* in another order than they were made */
	for (unsigned i = 0; i < 5; i++, n /= 10)
		*--end = (uint8_t)('0' + n % 10);
}

/* How many may be sent now. */
static unsigned due(const struct ask *a, uint64_t now)
{
	uint64_t n = a->window - a->flying, wanted;

	if (a->count && a->count - a->sent < n)
		n = a->count - a->sent;
	if (a->rate > 0) {
		wanted = (uint64_t)((double)(now - a->began_ns) * a->rate / 1e9) + 1;
		wanted = wanted > a->sent ? wanted - a->sent : 0;
		n = wanted < n ? wanted : n;
	}
	return n < BATCH ? (unsigned)n : BATCH;
}

static void lose(struct ask *a, unsigned id)
{
	a->at_ns[id] = 0;
	a->flying--;
	a->lost++;
}

/* An id that comes round again while its query is unanswered has lost that. */
static void depart(struct ask *a, uint64_t now)
{
	if (a->at_ns[a->next])
		lose(a, a->next);
	a->at_ns[a->next] = now;
	a->next = (a->next + 1) % IDS;
	if (a->next == a->oldest) {
		if (a->at_ns[a->oldest])
			lose(a, a->oldest);
		a->oldest = (a->oldest + 1) % IDS;
	}
	a->sent++;
	a->flying++;
}

static void send_some(struct ask *a, uint64_t now)
{
	static uint8_t bytes[BATCH][sizeof(a->query)];
	static struct iovec iov[BATCH];
	static struct mmsghdr m[BATCH];
	unsigned n = due(a, now);
	int fd = a->fd[a->sent / BATCH % a->n_sockets], k;

	for (unsigned i = 0; i < n; i++) {
		memcpy(bytes[i], a->query, a->len);
		ask_put16(bytes[i], (a->next + i) % IDS);
		if (a->many)
			number(a, bytes[i], a->sent + i);
		iov[i] = (struct iovec){ bytes[i], a->len };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	k = n ? sendmmsg(fd, m, n, MSG_DONTWAIT) : 0;
	for (int i = 0; i < k; i++)
		depart(a, now);
}

/* --- answers --- */

static size_t name_text(const uint8_t *b, size_t len, size_t at, char *text, size_t size)
{
	size_t end = 0, n = 0;

	for (unsigned hops = 0; at < len && hops < 128; hops++) {
		size_t label = b[at];

		if (label >= 0xc0 && at + 1 < len) {
			end = end ? end : at + 2;
			at = get16(b + at) & 0x3fff;
			continue;
		}
		if (at + 1 + label > len || n + label + 2 > size)
			return 0;
		if (!label) {
			text[n ? n - 1 : 0] = 0;
			return end ? end : at + 1;
		}
		memcpy(text + n, b + at + 1, label);
		n += label;
		text[n++] = '.';
		at += 1 + label;
	}
	return 0;
}

static void tally(struct ask *a, const char *text, uint64_t sent_ms)
{
	struct key *k = a->keys;

	while (k < a->keys + a->n_keys && strcmp(k->text, text) != 0)
		k++;
	if (k == a->keys + KEYS)
		return;
	if (k == a->keys + a->n_keys) {
		a->n_keys++;
		snprintf(k->text, sizeof(k->text), "%s", text);
	}
	k->n++;
	if (sent_ms > k->last_ms)
		k->last_ms = sent_ms;
}

static void read_answers(struct ask *a, const uint8_t *b, size_t len, uint64_t sent_ms)
{
	char text[512];
	size_t at = name_text(b, len, 12, text, sizeof(text)), end;

	if (!at)
		return;
	at += 4;
	for (unsigned n = get16(b + 6); n; n--, at = end) {
		unsigned type;

		at = name_text(b, len, at, text, sizeof(text));
		if (!at || at + 10 > len)
			return;
		type = get16(b + at);
		end = at + 10 + get16(b + at + 8);
		at += 10;
		if (end > len)
			return;
		if (type == 1 && end - at == 4)
			inet_ntop(AF_INET, b + at, text, sizeof(text));
		else if (type == 28 && end - at == 16)
			inet_ntop(AF_INET6, b + at, text, sizeof(text));
		else if (type != 5 || !name_text(b, len, at, text, sizeof(text)))
			continue;
		tally(a, text, sent_ms);
	}
}

static void take(struct ask *a, const uint8_t *b, size_t len, uint64_t now, uint64_t real_ms)
{
	unsigned id = len >= 12 ? get16(b) : 0;
	uint64_t ns;

	if (len < 12 || !(b[2] & 0x80) || !a->at_ns[id])
		return;
	ns = now - a->at_ns[id];
	a->at_ns[id] = 0;
	a->flying--;
	a->answered++;
	a->rcodes[b[3] & 15]++;
	a->truncated += !!(b[2] & 2);
	a->latency_us[ns / 1000 < LATENCIES ? ns / 1000 : LATENCIES - 1]++;
	read_answers(a, b, len, real_ms - ns / 1000000);
}

static bool receive_some(struct ask *a, int fd)
{
	static uint8_t bytes[BATCH][MESSAGE];
	static struct iovec iov[BATCH];
	static struct mmsghdr m[BATCH];
	uint64_t now, real_ms;
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ bytes[i], MESSAGE };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return false;
	now = ask_now_ns(CLOCK_MONOTONIC);
	real_ms = ask_now_ns(CLOCK_REALTIME) / 1000000;
	for (int i = 0; i < n; i++)
		take(a, bytes[i], m[i].msg_len, now, real_ms);
	return true;
}

/* Queries that were answered are passed over; those too old are lost. */
static void forget(struct ask *a, uint64_t now)
{
	while (a->oldest != a->next) {
		uint64_t at = a->at_ns[a->oldest];

		if (at && now - at < LOST_NS)
			return;
		if (at)
			lose(a, a->oldest);
		a->oldest = (a->oldest + 1) % IDS;
	}
}

static bool is_over(const struct ask *a, uint64_t now)
{
	if (a->count ? a->sent == a->count : (double)(now - a->began_ns) >= a->seconds * 1e9)
		return true;
	return ended;
}

static void run(struct ask *a)
{
	struct pollfd p[SOCKETS];
	uint64_t now;
	bool over = false;

	for (unsigned i = 0; i < a->n_sockets; i++)
		p[i] = (struct pollfd){ .fd = a->fd[i], .events = POLLIN };
	a->began_ns = ask_now_ns(CLOCK_MONOTONIC);
	do {
		bool some = false;

		now = ask_now_ns(CLOCK_MONOTONIC);
		over = over || is_over(a, now);
		if (!over)
			send_some(a, now);
		for (unsigned i = 0; i < a->n_sockets; i++)
			some |= receive_some(a, a->fd[i]);
		forget(a, now);
		if (!some && (over || !due(a, now)))
			poll(p, a->n_sockets, a->rate > 2000 ? 0 : 1);
	} while (!over || a->flying);
}

/* --- what came of it --- */

static unsigned percentile(const struct ask *a, double share)
{
	uint64_t want = (uint64_t)((double)a->answered * share), sum = 0;

	for (unsigned us = 0; us < LATENCIES; us++) {
		sum += a->latency_us[us];
		if (sum > want)
			return us;
	}
	return LATENCIES - 1;
}

static void print(const struct ask *a, double seconds)
{
	printf("{\"sent\":%llu,\"answered\":%llu,\"lost\":%llu,\"per_second\":%.0f,"
	       "\"truncated\":%llu,\"p50_us\":%u,\"p99_us\":%u,\"rcodes\":{",
	       (unsigned long long)a->sent, (unsigned long long)a->answered,
	       (unsigned long long)a->lost, (double)a->answered / seconds,
	       (unsigned long long)a->truncated, percentile(a, 0.5), percentile(a, 0.99));
	for (unsigned i = 0, n = 0; i < 16; i++)
		if (a->rcodes[i])
			printf("%s\"%u\":%llu", n++ ? "," : "", i,
			       (unsigned long long)a->rcodes[i]);
	printf("},\"by\":{");
	for (unsigned i = 0; i < a->n_keys; i++)
		printf("%s\"%s\":%llu", i ? "," : "", a->keys[i].text,
		       (unsigned long long)a->keys[i].n);
	printf("},\"last\":{");
	for (unsigned i = 0; i < a->n_keys; i++)
		printf("%s\"%s\":%llu", i ? "," : "", a->keys[i].text,
		       (unsigned long long)a->keys[i].last_ms);
	printf("}}\n");
}

static void open_sockets(struct ask *a, const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST }, *to;
	int bytes = 8 << 20;

	if (getaddrinfo(address, a->port, &hints, &to))
		die(address);
	for (unsigned i = 0; i < a->n_sockets; i++) {
		a->fd[i] = socket(to->ai_family, SOCK_DGRAM, 0);
		if (a->fd[i] < 0 || connect(a->fd[i], to->ai_addr, to->ai_addrlen))
			die(address);
		setsockopt(a->fd[i], SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	}
	freeaddrinfo(to);
}

static void take_option(struct ask *a, int c)
{
	switch (c) {
	case 'n':
		a->count = strtoull(optarg, NULL, 10);
		break;
	case 's':
		a->seconds = atof(optarg);
		a->count = 0;
		break;
	case 'r':
		a->rate = atof(optarg);
		break;
	case 'w':
		a->window = (unsigned)atoi(optarg);
		break;
	case 'k':
		a->n_sockets = (unsigned)atoi(optarg);
		break;
	case 'p':
		a->port = optarg;
		break;
	case 'm':
		a->many = (unsigned)atoi(optarg);
		break;
	case 'd':
		a->dnssec_ok = true;
		a->edns = true;
		break;
	case 'e':
		a->edns = true;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static struct ask a = { .count = 30000, .window = 256, .n_sockets = 8, .port = "53" };
	uint64_t began;

	for (int c; (c = getopt(argc, argv, "n:s:r:w:k:p:m:ed")) != -1;)
		take_option(&a, c);
	if (argc - optind != 3 || !a.n_sockets || a.n_sockets > SOCKETS || !a.window ||
	    a.window > IDS / 2 || a.many > 100000)
		die("ask [-n COUNT | -s SECONDS] [-r RATE] [-w WINDOW] [-k SOCKETS] [-p PORT] "
		    "[-m N] [-e | -d] ADDRESS NAME TYPE");
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	a.type = ask_type(argv[optind + 2]);
	if (!a.type)
		die("no such type");
	make_query(&a, argv[optind + 1]);
	open_sockets(&a, argv[optind]);
	began = ask_now_ns(CLOCK_MONOTONIC);
	run(&a);
	print(&a, (double)(ask_now_ns(CLOCK_MONOTONIC) - began) / 1e9);
	return 0;
}
