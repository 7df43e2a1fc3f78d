/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture.c - swaps a program that captures in and out again, and reads what it hands over. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

#define RING_PAGES 256 /* of a CPU: 1 MiB */

struct capture {
	struct weir_bpf *skel;
	int events;                           /* the ring's map */
	struct weir_capture_session *session; /* mapped */
	struct perf_buffer *ring;
	weir_plane_capture_fn *fn;
	void *arg;
};

/* A sample is the event, and behind it as much of the packet as the filter takes, rounded up. */
static void on_sample(void *arg, int cpu, void *sample, uint32_t size)
{
	struct capture *c = arg;
	struct weir_capture_event e;
	uint32_t len;

	if (size < sizeof(e))
		return;
	memcpy(&e, sample, sizeof(e));
	len = e.len < c->session->filter.snaplen ? e.len : c->session->filter.snaplen;
	if (len > size - sizeof(e))
		len = size - sizeof(e);
	c->fn(c->arg, cpu, &e, (const char *)sample + sizeof(e), len);
}

static void free_capture(struct capture *c)
{
	perf_buffer__free(c->ring);
	if (c->session)
		munmap(c->session, sizeof(*c->session));
	if (c->events >= 0)
		close(c->events);
	weir_bpf__destroy(c->skel);
	free(c);
}

static int load_program(const struct weir_plane *p, struct weir_bpf **out)
{
	int err;

	*out = plane_skel_open(p, WEIR_SEEING_CAPTURE);
	if (!*out)
		return -errno;
	err = weir_bpf__load(*out);
	if (!err)
		return 0;
	weir_error("capture: the kernel does not take the packet program: %s", strerror(-err));
	weir_bpf__destroy(*out);
	*out = NULL;
	return err;
}

/* Everything but the exchange. */
static int load_capture(struct weir_plane *p, const struct weir_capture_filter *f,
			struct capture *c)
{
	int err = load_program(p, &c->skel);
	void *mem;

	if (err)
		return err;
	mem = mmap(NULL, sizeof(*c->session), PROT_READ | PROT_WRITE, MAP_SHARED,
		   bpf_map__fd(c->skel->maps.weir_capture_session), 0);
	if (mem == MAP_FAILED)
		return -errno;
	c->session = mem;
	c->session->filter = *f;
	c->events = fcntl(bpf_map__fd(c->skel->maps.weir_capture_events), F_DUPFD_CLOEXEC, 0);
	c->ring = perf_buffer__new(c->events, RING_PAGES, on_sample, NULL, c, NULL);
	return c->ring ? 0 : -errno;
}

int weir_plane_capture_start(struct weir_plane *p, const struct weir_capture_filter *f,
			     weir_plane_capture_fn *fn, void *arg)
{
	bool attached = false;
	struct capture *c;
	int err;

	if (p->capture)
		return -EBUSY;
	for (uint32_t i = 0; i < p->n_interfaces; i++)
		attached |= p->interfaces[i].main_id != 0;
	if (!attached)
		return -ENODEV;
	c = weir_new(struct capture);
	c->events = -1;
	c->fn = fn;
	c->arg = arg;
	err = load_capture(p, f, c);
	if (err) {
		free_capture(c);
		return err;
	}
	p->capture = c;
	p->running = c->skel;
	err = interfaces_exchange(p);
	if (err)
		weir_plane_capture_stop(p, NULL);
	return err;
}

int capture_renew(struct weir_plane *p)
{
	struct weir_bpf *now = p->carrier;
	int err = 0;

	if (p->capture)
		err = load_program(p, &now);
	if (err)
		return err;
	p->running = now;
	if (p->capture) {
		weir_bpf__destroy(p->capture->skel);
		p->capture->skel = now;
	}
	return 0;
}

int weir_plane_capture_fd(const struct weir_plane *p)
{
	return perf_buffer__epoll_fd(p->capture->ring);
}

/* Not perf_buffer__poll(): whoever watches the descriptor from another epoll has taken the news. */
void weir_plane_capture_read(struct weir_plane *p)
{
	int err = perf_buffer__consume(p->capture->ring);

	if (err)
		weir_error("capture: cannot be read: %s", strerror(-err));
}

void weir_plane_capture_stop(struct weir_plane *p, struct weir_capture_session *out)
{
	struct capture *c = p->capture;

	if (!c)
		return;
	c->session->filter.until_ns = 0; /* at once, also where the exchange has to wait */
	p->running = p->carrier;
	interfaces_exchange(p);
	perf_buffer__consume(c->ring);
	if (out)
		*out = *c->session;
	p->capture = NULL;
	free_capture(c);
}
