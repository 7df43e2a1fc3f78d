/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.c - what endpoints that get translated packets need of programs and host. Programs that look
 * for their replies cost packets of others something, so interfaces run them only while there is
 * such an endpoint: they are exchanged without a gap, before a row names the first one, and again
 * when the last one is gone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "dataplane/routes.h"
#include "weir.skel.h"

static uint32_t feature_of(uint8_t mode)
{
	return mode == WEIR_MODE_NAT       ? WEIR_FEATURE_NAT
	       : mode == WEIR_MODE_FULLNAT ? WEIR_FEATURE_FULLNAT
					   : 0;
}

/* Of the endpoints that have a slot, those that drain included. */
static uint32_t features_there(const struct weir_plane *p)
{
	uint32_t features = 0;

	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used)
			features |= feature_of(p->ids[s].mode);
	return features;
}

static uint32_t features_of(const struct weir_tables *t)
{
	uint32_t features = 0;

	for (uint32_t i = 0; i < t->n_endpoints; i++)
		features |= feature_of(t->endpoints[i].mode);
	return features;
}

/* --- programs --- */

/* Ports are only remembered while an endpoint may need them. */
static void forget_flows(const struct weir_plane *p)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/weir_nat_flows", p->dir);
	unlink(path);
}

static void free_carrier(const struct weir_plane *p, struct weir_bpf *carrier)
{
	if (carrier != p->skel)
		weir_bpf__destroy(carrier);
}

/* A program with what p->nat says. */
static int load_carrier(const struct weir_plane *p, struct weir_bpf **out)
{
	int err;

	*out = p->nat ? plane_skel_open(p, WEIR_SEEING_NOTHING) : p->skel;
	if (!*out)
		return -errno;
	err = p->nat ? weir_bpf__load(*out) : 0;
	if (!err)
		return 0;
	weir_error("the kernel does not take the packet program that translates addresses: %s",
		   strerror(-err));
	free_carrier(p, *out);
	return err;
}

static int run(struct weir_plane *p, struct weir_bpf *carrier)
{
	int err;

	p->carrier = carrier;
	err = capture_renew(p);
	return err ? err : interfaces_exchange(p);
}

/* Has interfaces run programs with these features. On error they run what they ran before. */
static int exchange(struct weir_plane *p, uint32_t features)
{
	struct weir_bpf *was = p->carrier, *now;
	uint32_t had = p->nat;
	int err;

	p->nat = features;
	err = load_carrier(p, &now);
	if (!err && (err = run(p, now))) {
		p->nat = had;
		run(p, was);
		free_carrier(p, now);
	}
	if (err) {
		p->nat = had;
		return err;
	}
	free_carrier(p, was);
	weir_bpf__destroy(p->dry); /* the next trace makes it anew */
	p->dry = NULL;
	if (!(features & WEIR_FEATURE_FULLNAT))
		forget_flows(p);
	return 0;
}

int nat_adopt(struct weir_plane *p)
{
	uint32_t features = features_there(p);

	if (features)
		return exchange(p, features);
	forget_flows(p);
	return 0;
}

/* In generic mode the host sends: drivers there need not take frames from others. */
void nat_use_link(struct weir_plane *p, const struct weir_plane_interface *i)
{
	if (p->nat && i->main_id && !strcmp(i->mode, "native"))
		link_use(p, (uint32_t)i->ifindex);
}

/* --- local addresses and ports --- */

static struct weir_nat_conf conf_of(const struct weir_nat_sources *s)
{
	struct weir_nat_conf c = {
		.first_port = s->first_port,
		.n_ports = (uint16_t)(s->last_port - s->first_port + 1),
	};

	for (int v4 = 1; v4 >= 0; v4--)
		for (uint32_t i = 0; i < s->n; i++) {
			if (weir_addr_is_v4(&s->addrs[i]) != v4)
				continue;
			c.source[c.n_v4 + c.n_v6] = s->addrs[i];
			c.n_v4 += v4 == 1;
			c.n_v6 += v4 == 0;
		}
	return c;
}

/* What is not a source is one word, and says how many there are: while they are written there are
 * none, and a packet that comes just then is a counted drop. */
static void write_conf(struct weir_plane *p, const struct weir_nat_sources *s)
{
	struct weir_nat_conf now = conf_of(s), *is = p->nat_conf;
	uint64_t *word = (uint64_t *)(void *)is, next;
	bool same = !memcmp(is, &now, sizeof(now));

	if (!same || !p->nat_said.sources)
		nat_check_sources(s);
	p->nat_said.sources = true;
	if (same)
		return;
	if (is->n_ports)
		weir_warn("agent.nat is not what it was: connections of balancers with fullnat "
			  "that get another source address or port end");
	memcpy(&next, &now, sizeof(next));
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
	memcpy(is->source, now.source, sizeof(is->source));
	__atomic_store_n(word, next, __ATOMIC_RELEASE);
}

int nat_sync(struct weir_plane *p, const struct weir_tables *t)
{
	uint32_t features = features_of(t);
	int err = features & ~p->nat ? exchange(p, p->nat | features) : 0;

	if (err || !features)
		return err;
	for (uint32_t i = 0; i < p->n_interfaces; i++)
		nat_use_link(p, &p->interfaces[i]);
	if (features & WEIR_FEATURE_FULLNAT)
		write_conf(p, t->nat);
	return 0;
}

void nat_tick(struct weir_plane *p)
{
	uint32_t features;

	if (!p->nat)
		return;
	features = features_there(p);
	if (features != p->nat)
		exchange(p, features);
	nat_check_host(p);
}
