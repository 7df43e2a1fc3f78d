/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_rate LETTER DO RATE INTERFACE SOURCE SERVER MAC PID... - how many questions a second a DNS
 * server answers on its core with at most 1 % lost in one of three tries, and the CPU time that it
 * and its side of the veth pair take for each: PIDs are all who work for it (LOSS: another share).
 * RATE 0: the best rate is looked for; else so many are asked a second, thrice, and the median time
 * is told. Asks for A of LETTERnnnnn.bench.test; DO 1: with OPT and DO. Prints {"rate": N, "us": N,
 * "lost": N} of this thread's CPU's questions; lost is a share. Linux 5.18 (live frames).
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dns_bench.h"
#include "tests/bench/dns.skel.h"

#define NAMES    1000
#define CALL_S   0.002 /* of send_all(), besides sending */
#define SECONDS  0.4
#define SLOWEST  10000.0
#define FASTEST  2000000.0
#define SETTLE_S 0.1
#define TRIES    3

static struct dns_bpf *skel;
static char **pids;
static int n_pids;
static bool dnssec; /* asks with DO */
static double loss; /* the share that may be lost */

static void die(const char *what)
{
	fprintf(stderr, "dns_rate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(double s)
{
	struct timespec t = { 0, (long)(s * 1e9) };

	nanosleep(&t, NULL);
}

/* --- the question --- */

static void put(size_t at, const void *bytes, size_t len)
{
	memcpy(skel->bss->question + at, bytes, len);
}

static void put16(size_t at, unsigned v)
{
	uint16_t be = htons((uint16_t)v);

	put(at, &be, 2);
}

static void make_question(char letter, bool dnssec_ok, const char *source, const char *server,
			  const char *mac)
{
	static const uint8_t name[] = "\6x00000\5bench\4test",
			     opt[] = { 0, 0, 41, 4, 208, 0, 0, 128 };
	size_t len = dnssec_ok ? DNS_FRAME_DO : DNS_FRAME;
	uint8_t ip[20] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17 };
	const struct ether_addr *to = ether_aton(mac);
	uint32_t sum = 0;

	if (!to || !inet_pton(AF_INET, source, ip + 12) || !inet_pton(AF_INET, server, ip + 16))
		die("addresses");
	ip[3] = (uint8_t)(len - 14);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	put(0, to, 6);
	put(6, "\2\0\0\0\0\x99", 6);
	put16(12, 0x0800);
	put(14, ip, 20);
	put16(24, sum);
	put16(36, 53);
	put16(38, (unsigned)(len - 34));
	put16(44, 0);
	put16(46, 1);
	put16(52, dnssec_ok);
	put(DNS_LABEL, name, sizeof(name));
	put(DNS_LABEL + 1, &letter, 1);
	put16(DNS_LABEL + sizeof(name), 1);
	put16(DNS_LABEL + sizeof(name) + 2, 1);
	if (dnssec_ok)
		put(DNS_LABEL + sizeof(name) + 4, opt, sizeof(opt));
	skel->bss->names = NAMES;
}

/* --- CPU time --- */

/* What all threads of a process have run, ns. */
static uint64_t run_ns(const char *pid)
{
	char path[300];
	uint64_t sum = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		unsigned long long ns = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, e->d_name);
		f = *e->d_name == '.' ? NULL : fopen(path, "re");
		if (f && fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return sum;
}

static uint64_t all_ns(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < n_pids; i++)
		sum += run_ns(pids[i]);
	return sum;
}

/* --- rates --- */

struct rate {
	double offered, answered, us; /* a second; for each answer */
	double lost;                  /* a share */
	bool holds;
};

/* Sends n questions at this rate, which ask() keeps: a call takes 2 ms before the first one. */
static void send_all(uint32_t n, double rate)
{
	struct bpf_program *ask = dnssec ? skel->progs.ask_do : skel->progs.ask;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = skel->bss->question,
		    .data_size_in = dnssec ? DNS_FRAME_DO : DNS_FRAME, .repeat = (int)n,
		    .batch_size = DNS_BURST, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	skel->bss->counter = 0;
	skel->bss->step = (uint64_t)(1e9 * DNS_BURST / rate);
	skel->bss->next_ns = 0;
	if (bpf_prog_test_run_opts(bpf_program__fd(ask), &run))
		die("live frames");
}

/* Waits for what is still on its way: until all is answered, or nothing came for a while. */
static void settle(uint32_t sent)
{
	uint64_t before;

	do {
		before = skel->bss->good + skel->bss->bad;
		nap(SETTLE_S);
	} while (skel->bss->good + skel->bss->bad < sent &&
		 skel->bss->good + skel->bss->bad > before);
}

static struct rate offer(double rate)
{
	struct rate r = { .holds = false };
	uint64_t good, ns;
	double begin, took;
	uint32_t sent = (uint32_t)(rate * SECONDS);

	skel->bss->good = skel->bss->bad = 0;
	ns = all_ns();
	begin = seconds();
	send_all(sent, rate);
	took = seconds() - begin - CALL_S;
	settle(sent);
	good = skel->bss->good;
	r.offered = sent / took;
	r.answered = (double)good / took;
	r.us = good ? (double)(all_ns() - ns) / 1e3 / (double)good : 0;
	r.lost = 1 - (double)good / sent;
	r.holds = r.lost <= loss;
	return r;
}

/* Whether a rate holds: what is lost once or twice may be a pause of the machine, not the server's.
 */
static struct rate try(double rate)
{
	struct rate r = offer(rate);

	for (int i = 1; i < TRIES && !r.holds; i++)
		r = offer(rate);
	return r;
}

/* The best rate that holds, within 5 %: twice as much until it does not, then halves between. */
static struct rate best(void)
{
	double low = SLOWEST, high = SLOWEST * 2;
	struct rate r = try(low), found = r;

	for (; high < FASTEST; high *= 2) {
		r = try(high);
		if (!r.holds || r.offered < high * 0.9)
			break;
		found = r;
		low = high;
	}
	for (int i = 0; i < 4; i++) {
		double mid = (low + high) / 2;

		r = try(mid);
		if (r.holds) {
			found = r;
			low = mid;
		} else {
			high = mid;
		}
	}
	return found;
}

static int by_us(const void *a, const void *b)
{
	const struct rate *x = a, *y = b;

	return (x->us > y->us) - (x->us < y->us);
}

/* At a given rate: the one of three tries that took neither the most nor the least. */
static struct rate at(double rate)
{
	struct rate tries[3];

	for (int i = 0; i < 3; i++)
		tries[i] = offer(rate);
	qsort(tries, 3, sizeof(*tries), by_us);
	return tries[1];
}

int main(int argc, char **argv)
{
	unsigned ifindex;
	struct rate r;
	double rate;

	if (argc < 9) {
		fprintf(stderr, "dns_rate LETTER DO RATE INTERFACE SOURCE SERVER MAC PID...\n");
		return 2;
	}
	skel = dns_bpf__open_and_load();
	ifindex = if_nametoindex(argv[4]);
	if (!skel || !ifindex)
		die(argv[4]);
	pids = argv + 8;
	n_pids = argc - 8;
	loss = getenv("LOSS") ? atof(getenv("LOSS")) : 0.01;
	dnssec = atoi(argv[2]);
	rate = atof(argv[3]);
	make_question(*argv[1], dnssec, argv[5], argv[6], argv[7]);
	skel->bss->out = ifindex;
	if (bpf_xdp_attach((int)ifindex, bpf_program__fd(skel->progs.count), 0, NULL))
		die("attach");
	offer(SLOWEST); /* caches, neighbours */
	r = rate > 0 ? at(rate) : best();
	bpf_xdp_detach((int)ifindex, 0, NULL);
	printf("{\"rate\":%.0f,\"us\":%.3f,\"lost\":%.4f}\n", r.answered, r.us, r.lost);
	dns_bpf__destroy(skel);
	return r.answered > 0 ? 0 : 1;
}
