/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tc.c - the DNS program on the ingress side of interfaces, where XDP shall not answer. It has a
 * place of its own among tc's filters, so that a new agent's replaces an older one's without a
 * gap; the filter holds the program when no agent runs. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "dataplane/dns_impl.h"
#include "weir.skel.h"

#define HANDLE   0x53
#define PRIORITY 53

uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

bool program_uses_map(int prog_fd, uint32_t id)
{
	uint32_t ids[64], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (uintptr_t)ids };

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 64; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* The program in our place: 1 it is ours, 0 there is none, -EBUSY it is somebody else's. */
static int look(int ifindex, uint32_t map)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY);
	bool ours;
	int fd;

	if (bpf_tc_query(&hook, &opts))
		return 0;
	fd = bpf_prog_get_fd_by_id(opts.prog_id);
	if (fd < 0)
		return 0;
	ours = program_uses_map(fd, map);
	close(fd);
	return ours ? 1 : -EBUSY;
}

static int put(struct weir_plane *p, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY,
		    .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(p->skel->progs.weir_dns_tc));
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

static int take_off(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

static bool is_wanted(const struct weir_plane *p, int ifindex)
{
	for (uint32_t i = 0; p->dns->how == WEIR_DNS_KERNEL_TC && i < p->n_interfaces; i++)
		if (p->interfaces[i].ifindex == ifindex)
			return true;
	return false;
}

static int sync_one(struct weir_plane *p, int ifindex, uint32_t map)
{
	int is = look(ifindex, map), err = 0;

	if (is_wanted(p, ifindex))
		err = is < 0 ? is : put(p, ifindex);
	else if (is == 1)
		err = take_off(ifindex);
	return err;
}

int tc_sync(struct weir_plane *p)
{
	uint32_t map = map_id(bpf_map__fd(p->skel->maps.weir_services));
	struct if_nameindex *all;
	int first = 0;

	if (!p->dns->told || (p->dns->how != WEIR_DNS_KERNEL_TC && p->dns->tc_seen))
		return 0;
	plane_probing(true); /* what is not there is no news */
	all = if_nameindex();
	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		int err = sync_one(p, (int)i->if_index, map);

		if (err == -EBUSY)
			weir_error(
				"%s: another tc filter has handle %d and priority %d; it was left "
				"alone, and DNS queries there are for the agent",
				i->if_name, HANDLE, PRIORITY);
		else if (err)
			weir_error("%s: cannot attach by tc: %s", i->if_name, strerror(-err));
		first = first ? first : err;
	}
	if (all)
		if_freenameindex(all);
	plane_probing(false);
	p->dns->tc_seen = p->dns->how != WEIR_DNS_KERNEL_TC;
	return first;
}

void tc_detach_everywhere(int map_fd)
{
	struct if_nameindex *all = if_nameindex();
	uint32_t map = map_id(map_fd);

	plane_probing(true);
	for (struct if_nameindex *i = all; i && i->if_index; i++)
		if (look((int)i->if_index, map) == 1)
			take_off((int)i->if_index);
	plane_probing(false);
	if (all)
		if_freenameindex(all);
}
