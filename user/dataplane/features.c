/* SPDX-License-Identifier: GPL-2.0-or-later */
/* features.c - what the packet path uses where the kernel has it, and does without where it has
 * not: a row of the table each. Whether it is there is found out by trying it. */
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

/* Whether the kernel takes a program with these flags. */
static bool takes_flags(uint32_t flags)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, NULL, "GPL", pass, 2, &opts);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Whether there is a generic netlink family of this name. */
static bool has_family(const char *name)
{
	char buf[4096];
	struct mnl_socket *s = mnl_socket_open(NETLINK_GENERIC);
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	ssize_t n = -1;

	if (!s)
		return false;
	h->nlmsg_type = GENL_ID_CTRL;
	h->nlmsg_flags = NLM_F_REQUEST;
	g->cmd = CTRL_CMD_GETFAMILY;
	g->version = 1;
	mnl_attr_put_strz(h, CTRL_ATTR_FAMILY_NAME, name);
	if (!mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(s, h, h->nlmsg_len) >= 0)
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
	if (n > 0)
		n = mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(s), NULL, NULL);
	mnl_socket_close(s);
	return n > 0;
}

/* Frames that lie in several buffers. Linux 5.18 knows the flag, but loses such frames where they
 * are to leave by another interface; that came with Linux 6.3, and with it the family "netdev". */
static bool has_multi_buffer(void)
{
	return takes_flags(BPF_F_XDP_HAS_FRAGS) && has_family("netdev");
}

static void use_multi_buffer(struct weir_bpf *skel)
{
	/* Programs that call each other must agree. */
	struct bpf_program *progs[] = { skel->progs.weir_xdp, skel->progs.weir_dns_xdp };

	for (uint32_t i = 0; i < 2; i++)
		bpf_program__set_flags(progs[i],
				       bpf_program__flags(progs[i]) | BPF_F_XDP_HAS_FRAGS);
	skel->rodata->weir_multi_buffer = 1;
}

/* A kernel function, looked up in the kernel's own type information. */
static bool has_function(const char *name)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	bool has = kernel && btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;

	btf__free(kernel);
	return has;
}

static bool has_pull_data(void)
{
	return has_function("bpf_xdp_pull_data");
}

static void use_pull_data(struct weir_bpf *skel)
{
	skel->rodata->weir_pull_data = 1;
}

/* Programs that have functions and tail calls. */
static bool has_tail_calls(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, NULL, 4, 4, 1, NULL);
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1 },
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = 7 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_6 },
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = BPF_REG_2,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = map < 0 ? -1
			 : bpf_prog_load(BPF_PROG_TYPE_XDP, NULL, "GPL", code,
					 sizeof(code) / sizeof(*code), NULL);

	if (fd >= 0)
		close(fd);
	if (map >= 0)
		close(map);
	return fd >= 0;
}

static void use_tail_calls(struct weir_bpf *skel)
{
	skel->rodata->weir_tail_calls = 1;
}

static const struct feature {
	const char *name, *what_for;
	bool (*is_there)(void);
	void (*use)(struct weir_bpf *skel);
} features[] = {
	{ "multi-buffer XDP (Linux 6.3)", "jumbo frames in native mode", has_multi_buffer,
	  use_multi_buffer },
	{ "bpf_xdp_pull_data (Linux 6.18)",
	  "jumbo frames of drivers that leave their first buffer empty", has_pull_data,
	  use_pull_data },
	{ "tail calls beside functions (Linux 5.10, on arm64 6.0)",
	  "DNS queries answered by the packet program", has_tail_calls, use_tail_calls },
};

#define FEATURES (sizeof(features) / sizeof(*features))

uint32_t features_probe(void)
{
	uint32_t there = 0;

	for (uint32_t i = 0; i < FEATURES; i++) {
		if (features[i].is_there())
			there |= 1u << i;
		else
			weir_info("this kernel has no %s: %s, switched off", features[i].name,
				  features[i].what_for);
	}
	return there;
}

void features_use(uint32_t there, struct weir_bpf *skel)
{
	for (uint32_t i = 0; i < FEATURES; i++)
		if (there & 1u << i)
			features[i].use(skel);
}
