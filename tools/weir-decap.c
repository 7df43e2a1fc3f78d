/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weir-decap - lets a backend take tunnelled packets without a tunnel device.
 *
 * Attaches decap.bpf.c to an interface for a list of VIPs and exits; the program stays. Called
 * again it changes the list and the port in place, so that no packet is lost. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <xdp/libxdp.h>

#include "base/addr.h"
#include "base/mem.h"
#include "decap.skel.h"
#include "weir/api.h"

#define PROGRAM   "weir_decap"
#define MOST_VIPS 1024 /* what decap_vips holds */

static const char usage[] =
	"usage: weir-decap --interface IF --vip ADDRESS [--vip ADDRESS ...] [--gue-port PORT]\n"
	"       weir-decap --interface IF --detach\n"
	"\n"
	"Takes the outer headers off tunnelled packets (IPIP and GUE, all four family\n"
	"combinations) whose inner destination is one of the VIPs, on this interface. The VIPs\n"
	"must be addresses of this host (on lo). Stays attached after the command has ended;\n"
	"called again, it replaces the list of VIPs and the port.\n"
	"\n"
	"  -i, --interface IF   where the balancer's packets come in\n"
	"  -v, --vip ADDRESS    IPv4 or IPv6; may be given several times\n"
	"  -g, --gue-port PORT  the UDP port that GUE comes to (default 6080)\n"
	"  -d, --detach         take the program off again\n"
	"  -h, --help           this text\n"
	"  -V, --version        the version\n";

struct options {
	const char *ifname;
	int ifindex;
	union weir_addr *vips;
	unsigned n_vips;
	uint16_t gue_port;
	int detach;
};

static int bad_usage(const char *fmt, const char *what)
{
	fprintf(stderr, "weir-decap: ");
	fprintf(stderr, fmt, what);
	fprintf(stderr, "\nTry `weir-decap --help`.\n");
	return -1;
}

static int add_vip(struct options *o, const char *text)
{
	o->vips = weir_grow(o->vips, o->n_vips + 1, sizeof(*o->vips));
	if (!weir_addr_parse(text, &o->vips[o->n_vips++]))
		return bad_usage("--vip %s: not an IPv4 or IPv6 address", text);
	return 0;
}

static int set_port(struct options *o, const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port < 1 || port > 65535)
		return bad_usage("--gue-port %s: not a port from 1 to 65535", text);
	o->gue_port = (uint16_t)port;
	return 0;
}

static int check_options(const struct options *o, int rest, const char *first)
{
	if (rest)
		return bad_usage("%s: unexpected", first);
	if (!o->ifname)
		return bad_usage("%s is missing", "--interface");
	if (!o->ifindex)
		return bad_usage("--interface %s: no such interface", o->ifname);
	if (o->detach && o->n_vips)
		return bad_usage("%s and --vip exclude each other", "--detach");
	if (o->n_vips > MOST_VIPS)
		return bad_usage("more than %s VIPs", "1024");
	if (!o->detach && !o->n_vips)
		return bad_usage("%s is missing", "--vip");
	return 0;
}

/* 0; 1: done (help); -1: bad usage, said. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "vip", required_argument, NULL, 'v' },
		{ "gue-port", required_argument, NULL, 'g' },
		{ "detach", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c, err = 0;

	while (!err && (c = getopt_long(argc, argv, "i:v:g:dhV", longs, NULL)) != -1) {
		if (c == 'i') {
			o->ifname = optarg;
			o->ifindex = (int)if_nametoindex(optarg);
		} else if (c == 'v') {
			err = add_vip(o, optarg);
		} else if (c == 'g') {
			err = set_port(o, optarg);
		} else if (c == 'd') {
			o->detach = 1;
		} else if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? usage : "weir-decap " WEIR_VERSION "\n", stdout);
			return 1;
		} else {
			return -1;
		}
	}
	return err ? err : check_options(o, argc - optind, argv[optind]);
}

/* Our program on the interface, or NULL. *mp is the caller's to close when it is not NULL. */
static struct xdp_program *find(int ifindex, struct xdp_multiprog **mp)
{
	struct xdp_program *prog = NULL;

	*mp = xdp_multiprog__get_from_ifindex(ifindex);
	if (libxdp_get_error(*mp) || !*mp) {
		*mp = NULL;
		return NULL;
	}
	if (xdp_multiprog__is_legacy(*mp)) {
		prog = xdp_multiprog__main_prog(*mp);
		return prog && !strcmp(xdp_program__name(prog), PROGRAM) ? prog : NULL;
	}
	while ((prog = xdp_multiprog__next_prog(prog, *mp)))
		if (!strcmp(xdp_program__name(prog), PROGRAM))
			return prog;
	return NULL;
}

/* A map of a loaded program, as a descriptor; negative: an errno. */
static int map_of(int prog_fd, const char *name)
{
	uint32_t ids[16], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 16, .map_ids = (uintptr_t)ids };

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		return -errno;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 16; i++) {
		struct bpf_map_info map = { 0 };
		uint32_t map_len = sizeof(map);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &map, &map_len) &&
		    !strcmp(map.name, name))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

static int wanted(const struct options *o, const union weir_addr *vip)
{
	for (unsigned i = 0; i < o->n_vips; i++)
		if (weir_addr_eq(&o->vips[i], vip))
			return 1;
	return 0;
}

/* The port, then new VIPs, then those that are no longer wanted go. */
static int set_maps(int map, int port_map, const struct options *o)
{
	uint16_t port = htons(o->gue_port);
	uint32_t zero = 0;
	union weir_addr key, next;
	uint8_t one = 1;
	int more;

	if (bpf_map_update_elem(port_map, &zero, &port, BPF_ANY))
		return -errno;
	for (unsigned i = 0; i < o->n_vips; i++)
		if (bpf_map_update_elem(map, &o->vips[i], &one, BPF_ANY))
			return -errno;
	more = !bpf_map_get_next_key(map, NULL, &next);
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (!wanted(o, &key))
			bpf_map_delete_elem(map, &key);
	}
	return 0;
}

/* Without libxdp's dispatcher. */
static int attach_alone(const struct options *o)
{
	const uint32_t free_only = XDP_FLAGS_UPDATE_IF_NOEXIST;
	struct decap_bpf *skel = decap_bpf__open_and_load();
	int err, fd;

	if (!skel)
		return -errno;
	fd = bpf_program__fd(skel->progs.weir_decap);
	err = set_maps(bpf_map__fd(skel->maps.decap_vips), bpf_map__fd(skel->maps.decap_port), o);
	if (!err)
		err = bpf_xdp_attach(o->ifindex, fd, free_only | XDP_FLAGS_DRV_MODE, NULL);
	if (err && err != -EBUSY && err != -EPERM)
		err = bpf_xdp_attach(o->ifindex, fd, free_only | XDP_FLAGS_SKB_MODE, NULL);
	decap_bpf__destroy(skel);
	return err;
}

static int attach(const struct options *o)
{
	struct decap_bpf *skel = decap_bpf__open();
	struct xdp_program *prog;
	int err;

	if (!skel)
		return -errno;
	prog = xdp_program__from_bpf_obj(skel->obj, "xdp");
	err = (int)libxdp_get_error(prog);
	if (!err) {
		err = xdp_program__attach(prog, o->ifindex, XDP_MODE_NATIVE, 0);
		if (err && err != -EBUSY && err != -EPERM)
			err = xdp_program__attach(prog, o->ifindex, XDP_MODE_SKB, 0);
		if (!err)
			err = set_maps(bpf_map__fd(skel->maps.decap_vips),
				       bpf_map__fd(skel->maps.decap_port), o);
		xdp_program__close(prog);
	}
	decap_bpf__destroy(skel);
	/* Kernels take programs behind the dispatcher by rules of their own: 6.12 and later none
	 * that changes packets, unless libxdp is newer than 1.5. */
	return err && err != -EBUSY && err != -EPERM ? attach_alone(o) : err;
}

static int detach(const struct options *o, struct xdp_multiprog *mp, struct xdp_program *prog)
{
	if (!prog)
		return 0;
	if (xdp_multiprog__is_legacy(mp))
		return bpf_xdp_detach(o->ifindex, 0, NULL);
	return xdp_program__detach(prog, o->ifindex, xdp_multiprog__attach_mode(mp), 0);
}

static int quiet(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	(void)level, (void)fmt, (void)ap;
	return 0;
}

/* Changes what is attached already. */
static int change(const struct options *o, int prog_fd)
{
	int vips = map_of(prog_fd, "decap_vips"), port = map_of(prog_fd, "decap_port"), err;

	if (port == -ENOENT)
		fprintf(stderr,
			"weir-decap: %s: a program of an older version is there; take it "
			"off first, with --detach\n",
			o->ifname);
	err = vips < 0 ? vips : port < 0 ? port : set_maps(vips, port, o);
	if (vips >= 0)
		close(vips);
	if (port >= 0)
		close(port);
	return err;
}

static int run(const struct options *o)
{
	struct xdp_multiprog *mp;
	struct xdp_program *prog = find(o->ifindex, &mp);
	int err;

	if (o->detach) {
		err = detach(o, mp, prog);
	} else if (prog) {
		err = change(o, xdp_program__fd(prog));
	} else {
		err = attach(o);
	}
	if (mp)
		xdp_multiprog__close(mp);
	return err;
}

int main(int argc, char **argv)
{
	struct options o = { .gue_port = WEIR_GUE_PORT };
	int err = parse_options(argc, argv, &o);

	if (err) {
		free(o.vips);
		return err > 0 ? WEIR_EXIT_OK : WEIR_EXIT_INPUT;
	}
	libxdp_set_print(quiet);
	libbpf_set_print(NULL);
	err = run(&o);
	if (err == -EBUSY)
		fprintf(stderr, "weir-decap: %s: another XDP program is there and does not share\n",
			o.ifname);
	else if (err)
		fprintf(stderr, "weir-decap: %s: %s\n", o.ifname, strerror(-err));
	free(o.vips);
	return err ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}
