/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flood INTERFACE MAC VIP4 PORT NETWORK SECONDS - TCP SYNs for a VIP, as many as one core can make,
 * each from another address of NETWORK (a /24) and port; out of INTERFACE, to that MAC address.
 * Prints how many and how many a second. Needs Linux 5.18 (live frames). */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/net/flood.skel.h"

#define AT_ONCE 100000

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct frame make_frame(const char *mac, const char *vip, const char *port)
{
	const struct ether_addr *to = ether_aton(mac);
	struct frame f = {
		.eth = { .ether_shost = { 2, 0, 0, 0, 0, 0x99 },
			 .ether_type = htons(ETHERTYPE_IP) },
		.ip = { .version = 4, .ihl = 5, .tot_len = htons(40), .ttl = 64, .protocol = 6 },
		.tcp = { .dest = htons((uint16_t)atoi(port)), .doff = 5, .syn = 1 },
	};

	if (!to || !inet_pton(AF_INET, vip, &f.ip.daddr))
		die("a MAC address and an IPv4 address are wanted");
	memcpy(f.eth.ether_dhost, to, ETH_ALEN);
	return f;
}

int main(int argc, char **argv)
{
	struct flood_bpf *skel = flood_bpf__open_and_load();
	struct in_addr network;
	struct frame f;
	double begin, now;

	if (argc != 7 || !skel)
		die("flood INTERFACE MAC VIP4 PORT NETWORK SECONDS");
	f = make_frame(argv[2], argv[3], argv[4]);
	skel->bss->ifindex = if_nametoindex(argv[1]);
	if (!skel->bss->ifindex || !inet_pton(AF_INET, argv[5], &network))
		die("no such interface, or no network");
	skel->bss->network = ntohl(network.s_addr) & ~255u;
	begin = now = seconds();
	while (now - begin < atof(argv[6])) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &f, .data_size_in = sizeof(f),
			    .repeat = AT_ONCE, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.flood), &run))
			die("live frames");
		now = seconds();
	}
	printf("{\"sent\":%llu,\"per_second\":%.0f}\n", (unsigned long long)skel->bss->sent,
	       (double)skel->bss->sent / (now - begin));
	flood_bpf__destroy(skel);
	return 0;
}
