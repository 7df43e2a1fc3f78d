/* SPDX-License-Identifier: GPL-2.0-or-later */
/* veth_change.c - what a change of the configuration costs while packets flow through weir-agent's
 * interface: how many are lost, and how long new connections still go where they went before.
 *
 *   veth_change NAME PID LIVE NEXT OLD
 *
 * The agent PID reads LIVE. In each round LIVE and NEXT change places, and the agent is told. They
 * differ in one endpoint, which is on in the one and off in the other; OLD is the last 16 bits of
 * its address. Runs in the namespace of those who send (bench_veth.sh), on send-eth0. Half of the
 * packets are of flows from before, the other half SYNs of clients that went to that endpoint,
 * which all go elsewhere after the change, or to it again. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../lib/pkt.h"
#include "figures.h"
#include "veth.h"
#include "tests/bench/veth.skel.h"

#define ROUNDS   10
#define EVERY_NS 20000 /* 50,000 packets a second */
#define FLOWS    4096
#define BEFORE   400000000ull   /* of packets, until the change, ns */
#define CALM     400000000ull   /* without a packet that goes the old way: the change is over */
#define LIMIT    20000000000ull /* it never is */

struct bench {
	struct veth_bpf *veth;
	const char *name, *live, *next;
	pid_t agent;
	int fd; /* of the packets */
	uint64_t sent;
	double ms[ROUNDS], lost[ROUNDS];
};

static void die(const char *what)
{
	fprintf(stderr, "veth_change: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	const struct timespec ts = { .tv_nsec = (long)ns };

	nanosleep(&ts, NULL);
}

static uint64_t read_once(const __u64 *at)
{
	return *(const volatile __u64 *)at;
}

static void open_device(struct bench *b)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex("send-eth0") };

	b->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || !to.sll_ifindex || bind(b->fd, (void *)&to, sizeof(to)) ||
	    !bpf_program__attach_xdp(b->veth->progs.arrive, to.sll_ifindex))
		die("send-eth0");
}

static void send_packet(struct bench *b, uint32_t client, uint8_t flags)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.0", 1024, "198.51.100.1", 80);
	struct pkt p;

	f.src.w[3] = htonl(client);
	p = pkt_new(&f, flags);
	if (send(b->fd, p.data, p.len, 0) != (ssize_t)p.len)
		die("send");
	b->sent++;
}

/* Every so often the next packet; late ones come together. */
static void pace(uint64_t begin, uint64_t nth)
{
	uint64_t due = begin + nth * EVERY_NS, now = now_ns();

	if (now < due && !(nth % 8))
		sleep_ns(due - now);
}

/* Finds clients whose SYNs go to the endpoint. */
static void aim(struct bench *b)
{
	uint64_t begin = now_ns();

	for (uint32_t n = 0; b->veth->bss->n_aimed < VETH_AIMED; n++) {
		pace(begin, n);
		send_packet(b, 0x0a800000 + n, PKT_SYN);
		if (n == 1 << 20) {
			fprintf(stderr, "veth_change: no client goes to the endpoint\n");
			exit(1);
		}
	}
}

static void change(struct bench *b)
{
	if (renameat2(AT_FDCWD, b->live, AT_FDCWD, b->next, RENAME_EXCHANGE))
		die(b->live);
	if (kill(b->agent, SIGHUP))
		die("the agent");
}

/* The agent is told in the middle, and packets go on until none has gone the old way for long.
 * there: whether SYNs go to the endpoint before the change. */
static void run_round(struct bench *b, uint32_t round, int there)
{
	uint64_t begin = now_ns(), told = 0, now = begin, came_before = b->veth->bss->came, last;
	const __u32 *aimed = b->veth->bss->aimed;

	b->sent = 0;
	for (uint64_t n = 0; !told || read_once(&b->veth->bss->last_ns[!there]) <= told ||
			     now - read_once(&b->veth->bss->last_ns[there]) < CALM;
	     n++) {
		pace(begin, n);
		if (n % 2)
			send_packet(b, aimed[n / 2 % VETH_AIMED], PKT_SYN);
		else
			send_packet(b, 0x0a000000 + (uint32_t)(n / 2 % FLOWS), PKT_ACK);
		now = now_ns();
		if (!told && now - begin > BEFORE) {
			told = now_ns();
			change(b);
		}
		if (now - begin > LIMIT) {
			fprintf(stderr, "veth_change: the change never comes\n");
			exit(1);
		}
	}
	sleep_ns(20000000); /* the last packets, where another thread has to take them */
	last = read_once(&b->veth->bss->last_ns[there]);
	b->ms[round] = last > told ? (double)(last - told) / 1e6 : 0;
	b->lost[round] = (double)b->sent - (double)(b->veth->bss->came - came_before);
}

static void print(const struct bench *b)
{
	struct figure ms = { .unit = "ms", .value = figure_median(b->ms, ROUNDS) };
	struct figure lost = { .unit = "packets" };
	char name[2][64], note[64];

	for (int i = 0; i < ROUNDS; i++)
		lost.value += b->lost[i];
	snprintf(name[0], sizeof(name[0]), "veth/%s-time", b->name);
	snprintf(name[1], sizeof(name[1]), "veth/%s-lost", b->name);
	snprintf(note, sizeof(note), "in %d changes", ROUNDS);
	ms.name = name[0];
	lost.name = name[1];
	lost.note = note;
	figure_print(&ms);
	figure_print(&lost);
}

int main(int argc, char **argv)
{
	struct bench b = { .veth = veth_bpf__open_and_load() };

	if (argc != 6 || !b.veth)
		return 1;
	b.name = argv[1];
	b.agent = (pid_t)strtol(argv[2], NULL, 10);
	b.live = argv[3];
	b.next = argv[4];
	b.veth->bss->old = (uint32_t)strtoul(argv[5], NULL, 10);
	open_device(&b);
	aim(&b);
	for (uint32_t round = 0; round < ROUNDS; round++)
		run_round(&b, round, !(round % 2));
	print(&b);
	close(b.fd);
	veth_bpf__destroy(b.veth);
	return 0;
}
