/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_flood junk|foreign INTERFACE MAC SERVER4 NETWORK RATE SECONDS - bytes that mean nothing, or
 * queries for names that are nobody's, for port 53 of a server, each from another address of
 * NETWORK (a /24) and port; out of INTERFACE, to that MAC address. Prints how many and how many a
 * second. Needs Linux 5.18 (live frames). */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/net/dns_flood.skel.h"

#define BURST 16

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t dns[34];
} __attribute__((packed));

static void die(const char *what)
{
	fprintf(stderr, "dns_flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* No UDP checksum: IPv4 may go without. */
static struct frame make_frame(const char *mac, const char *server)
{
	static const uint8_t query[] = "\0\0\1\0\0\1\0\0\0\0\0\0\10........\7invalid\0\0\1\0";
	const struct ether_addr *to = ether_aton(mac);
	struct frame f = {
		.eth = { .ether_shost = { 2, 0, 0, 0, 0, 0x99 },
			 .ether_type = htons(ETHERTYPE_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(f) - sizeof(f.eth)),
			.ttl = 64,
			.protocol = 17 },
		.udp = { .dest = htons(53), .len = htons(sizeof(f.udp) + sizeof(f.dns)) },
	};

	if (!to || !inet_pton(AF_INET, server, &f.ip.daddr))
		die("a MAC address and an IPv4 address are wanted");
	memcpy(f.eth.ether_dhost, to, ETH_ALEN);
	memcpy(f.dns, query, sizeof(query));
	f.dns[sizeof(query) - 1] = 1; /* class IN */
	return f;
}

int main(int argc, char **argv)
{
	struct dns_flood_bpf *skel = dns_flood_bpf__open_and_load();
	struct in_addr network;
	double begin, now, rate;
	struct frame f;

	if (argc != 8 || !skel)
		die("dns_flood junk|foreign INTERFACE MAC SERVER4 NETWORK RATE SECONDS");
	f = make_frame(argv[3], argv[4]);
	rate = atof(argv[6]);
	skel->bss->junk = !strcmp(argv[1], "junk");
	skel->bss->ifindex = if_nametoindex(argv[2]);
	skel->bss->step = (uint64_t)(1e9 * BURST / rate);
	if (!skel->bss->ifindex || !inet_pton(AF_INET, argv[5], &network))
		die("no such interface, or no network");
	skel->bss->network = ntohl(network.s_addr) & ~255u;
	begin = now = seconds();
	while (now - begin < atof(argv[7])) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &f, .data_size_in = sizeof(f),
			    .repeat = (int)(rate / 10), .batch_size = BURST,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.flood), &run))
			die("live frames");
		now = seconds();
	}
	printf("{\"sent\":%llu,\"per_second\":%.0f}\n", (unsigned long long)skel->bss->sent,
	       (double)skel->bss->sent / (now - begin));
	dns_flood_bpf__destroy(skel);
	return 0;
}
