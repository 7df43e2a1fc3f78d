/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.c - what is listened on, what is answered from, and what of it is over. */
#include "dns/dns.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "dns/impl.h"
#include "dns/tap.h"

#define COLLECT_MS 10 /* between looks at whether something older is still read */

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* FREEBIND: a VIP may come to this host later. REUSEPORT: each worker has a socket, and a restarted
 * agent need not wait for the old one. */
int weir_dns_socket(const struct weir_sockaddr *a, int type)
{
	bool v4 = weir_addr_is_v4(&a->addr), ok;
	int fd = socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	ok = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (v4)
		ok = ok && set(fd, SOL_IP, IP_FREEBIND, 1);
	else
		ok = ok && set(fd, SOL_IPV6, IPV6_V6ONLY, 1) && set(fd, SOL_IPV6, IPV6_FREEBIND, 1);
	if (ok)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

bool weir_dns_address(const struct sockaddr_storage *a, union weir_addr *out)
{
	const void *p = a;

	if (a->ss_family == AF_INET)
		*out = weir_addr_v4(&((const struct sockaddr_in *)p)->sin_addr);
	else if (a->ss_family == AF_INET6)
		*out = weir_addr_v6(&((const struct sockaddr_in6 *)p)->sin6_addr);
	else
		return false;
	return true;
}

/* --- worlds --- */

static void on_collect(uv_timer_t *t)
{
	struct weir_dns *d = t->data;

	if (!weir_pub_collect(d->pub))
		uv_timer_stop(t);
}

static void retire(struct weir_dns *d, void *object, void (*drop)(void *object))
{
	if (object)
		weir_pub_retire(d->pub, object, drop);
}

/* From now on the world is this one; parts of the one before that it lacks are to be retired. */
static void change(struct weir_dns *d, struct weir_dns_world next)
{
	struct weir_dns_world *world = weir_new(struct weir_dns_world), *old = weir_pub_get(d->pub);

	*world = next;
	weir_pub_set(d->pub, world);
	retire(d, old, free);
}

/* After everything is retired. */
static void collect(struct weir_dns *d)
{
	if (weir_pub_collect(d->pub))
		uv_timer_start(&d->collect, on_collect, COLLECT_MS, COLLECT_MS);
}

static void drop_zones(void *zones)
{
	weir_zones_free(zones);
}

void weir_dns_publish(struct weir_dns *d, struct weir_zones *zones)
{
	struct weir_dns_world next = *weir_dns_world(d);
	const uint32_t *places = next.places;
	struct weir_zones *old = next.zones;

	next.zones = zones;
	if (d->next_places) {
		next.places = d->next_places;
		next.n_places = d->n_next_places;
		d->next_places = NULL;
	}
	change(d, next);
	retire(d, old, drop_zones);
	if (places != next.places)
		retire(d, (void *)places, free);
	collect(d);
	if (d->running)
		weir_dns_notify(d, zones);
}

const struct weir_zones *weir_dns_published(const struct weir_dns *d)
{
	return weir_dns_world(d)->zones;
}

void weir_dns_retire(struct weir_dns *d, void *object, void (*drop)(void *object))
{
	if (!object)
		return;
	weir_pub_retire(d->pub, object, drop);
	collect(d);
}

/* --- listening --- */

static void close_place(struct weir_dns_place *p)
{
	weir_dns_udp_close(p->udp);
	weir_dns_tcp_close(p->tcp);
}

static int open_place(struct weir_dns *d, struct weir_dns_place *p)
{
	int err = weir_dns_tcp_open(d, &p->at, p->tls, &p->tcp);

	if (!err && !p->tls)
		err = weir_dns_udp_open(d, &p->at, &p->udp);
	if (err)
		close_place(p);
	return err;
}

static struct weir_dns_place *find_place(struct weir_dns_place *p, uint32_t n,
					 const struct weir_dns_place *like)
{
	for (; n; n--, p++)
		if (p->tls == like->tls && p->at.port == like->at.port &&
		    weir_addr_eq(&p->at.addr, &like->at.addr))
			return p;
	return NULL;
}

/* Those of conf, not opened. */
static struct weir_dns_place *places_of(const struct weir_dns_conf *conf, uint32_t *n)
{
	struct weir_dns_place *p;

	*n = conf->n_listen + conf->tls.n_listen;
	p = weir_new_array(*n, struct weir_dns_place);
	for (uint32_t i = 0; i < conf->n_listen; i++)
		p[i].at = conf->listen[i];
	for (uint32_t i = 0; i < conf->tls.n_listen; i++) {
		p[conf->n_listen + i].at = conf->tls.listen[i];
		p[conf->n_listen + i].tls = true;
	}
	return p;
}

/* Opens places, or takes those of before as they are. On a negative errno *k of them are there and
 * the next one could not be opened. */
static int open_places(struct weir_dns *d, struct weir_dns_place *next, uint32_t n, uint32_t *k)
{
	for (*k = 0; *k < n; ++*k) {
		struct weir_dns_place *old = find_place(d->places, d->n_places, &next[*k]);
		int err = 0;

		if (old)
			next[*k] = *old;
		else
			err = open_place(d, &next[*k]);
		if (err)
			return err;
	}
	return 0;
}

/* Workers see these, and then no longer those of before that are not among them. */
static void take_places(struct weir_dns *d, struct weir_dns_place *next, uint32_t n)
{
	struct weir_dns_sockets *s = weir_new(struct weir_dns_sockets);
	struct weir_dns_world world = *weir_dns_world(d);
	const struct weir_dns_sockets *old = world.sockets;

	s->generation = ++d->generation;
	for (uint32_t i = 0; i < n; i++)
		if (next[i].udp)
			s->udp[s->n++] = next[i].udp;
	world.sockets = s;
	change(d, world);
	weir_dns_workers_wake(d);
	retire(d, (void *)old, free);
	for (uint32_t i = 0; i < d->n_places; i++) {
		if (find_place(next, n, &d->places[i]))
			continue;
		retire(d, d->places[i].udp, weir_dns_udp_close);
		weir_dns_tcp_close(d->places[i].tcp);
	}
	free(d->places);
	d->places = next;
	d->n_places = n;
	collect(d);
}

int weir_dns_listen(struct weir_dns *d, const struct weir_dns_conf *conf,
		    const struct weir_sockaddr **failed)
{
	uint32_t n, k = 0;
	struct weir_dns_place *next = places_of(conf, &n);
	int err = n ? weir_dns_workers_start(d) : 0;

	assert(conf->n_listen <= WEIR_DNS_MAX_PLACES);
	if (!err)
		err = open_places(d, next, n, &k);
	if (!err) {
		take_places(d, next, n);
		weir_dns_notify(d, weir_dns_world(d)->zones);
		return 0;
	}
	if (failed)
		*failed = k < conf->n_listen ? &conf->listen[k]
					     : &conf->tls.listen[k - conf->n_listen];
	while (k--)
		if (!find_place(d->places, d->n_places, &next[k]))
			close_place(&next[k]);
	free(next);
	return err;
}

void weir_dns_use_cert(struct weir_dns *d, struct weir_dns_cert *cert)
{
	weir_dns_cert_free(d->cert);
	d->cert = cert;
}

/* --- dnstap --- */

/* Its thread may wait for who reads; so another one waits for it. */
struct ending {
	uv_work_t work;
	struct weir_dns *d;
	struct weir_dns_tap *tap;
};

static void on_ending(uv_work_t *work)
{
	weir_dns_tap_close(((struct ending *)work->data)->tap);
}

static void on_ended(uv_work_t *work, int status)
{
	struct ending *e = work->data;
	struct weir_dns *d = e->d;

	(void)status;
	free(e);
	weir_dns_handle_closed(d);
}

static void drop_tap(void *ending)
{
	struct ending *e = ending;

	uv_queue_work(e->d->loop, &e->work, on_ending, on_ended);
}

static void retire_tap(struct weir_dns *d, struct weir_dns_tap *tap)
{
	struct ending *e;

	if (!tap)
		return;
	e = weir_new(struct ending);
	*e = (struct ending){ .d = d, .tap = tap };
	e->work.data = e;
	d->handles++;
	retire(d, e, drop_tap);
}

void weir_dns_use_tap(struct weir_dns *d, const struct weir_dns_tap_conf *conf)
{
	struct weir_dns_world next = *weir_dns_world(d);
	struct weir_dns_tap *old = next.tap;
	bool wanted = conf->socket || conf->file;

	if (wanted == (old != NULL) && (!old || weir_dns_tap_is_as(old, conf)))
		return;
	next.tap = wanted ? weir_dns_tap_open(conf, d->n_workers + 2) : NULL;
	if (wanted && !next.tap)
		weir_error("dns: there can be no dnstap now");
	change(d, next);
	retire_tap(d, old);
	collect(d);
}

bool weir_dns_tap(const struct weir_dns *d, struct weir_dns_tap_stats *out)
{
	const struct weir_dns_tap *tap = weir_dns_world(d)->tap;

	if (tap)
		weir_dns_tap_stats(tap, out);
	return tap != NULL;
}

/* --- all of it --- */

static void init_handles(struct weir_dns *d)
{
	uv_timer_init(d->loop, &d->collect);
	d->collect.data = d;
	d->handles++;
	weir_dns_conns_init(d);
}

static void fini(struct weir_dns *d)
{
	weir_dns_workers_fini(d);
	weir_dns_clerk_fini(&d->tcp);
	weir_dns_clerk_fini(&d->rest);
	weir_dns_counts_free(d);
	weir_dns_cert_free(d->cert);
}

int weir_dns_open(uv_loop_t *loop, const struct weir_dns_options *o, struct weir_dns **out)
{
	struct weir_dns *d = weir_new(struct weir_dns);
	struct weir_dns_sockets *none = weir_new(struct weir_dns_sockets);
	int err;

	d->loop = loop;
	d->filter_fd = o->filter_fd < 0 ? -1 : fcntl(o->filter_fd, F_DUPFD_CLOEXEC, 0);
	err = o->filter_fd >= 0 && d->filter_fd < 0 ? -errno : 0;
	if (!err)
		err = weir_dns_workers_init(d, o->workers);
	if (!err)
		err = weir_dns_clerk_init(&d->tcp, d->n_workers);
	if (!err)
		err = weir_dns_clerk_init(&d->rest, d->n_workers + 1);
	if (err) {
		if (d->filter_fd >= 0)
			close(d->filter_fd);
		fini(d);
		free(none);
		free(d);
		return err;
	}
	d->pub = weir_pub_new(d->n_workers + WEIR_DNS_MAX_TRANSFERS);
	none->generation = ++d->generation;
	change(d, (struct weir_dns_world){ .sockets = none });
	init_handles(d);
	*out = d;
	return 0;
}

uint32_t weir_dns_workers(const struct weir_dns *d)
{
	return d->n_workers;
}

void weir_dns_stats(const struct weir_dns *d, struct weir_dns_stats *out)
{
	const struct weir_dns_tally *tcp = &d->tcp.tally, *rest = &d->rest.tally;

	*out = (struct weir_dns_stats){
		.udp_queries = weir_dns_counted(&rest->queries),
		.udp_answers = weir_dns_counted(&rest->answers),
		.tcp_queries = weir_dns_counted(&tcp->queries),
		.tcp_answers = weir_dns_counted(&tcp->answers),
		.send_errors =
			weir_dns_counted(&tcp->send_errors) + weir_dns_counted(&rest->send_errors),
		.tcp_connections = d->tcp_connections,
		.tls_connections = d->tls_connections,
		.tls_failures = d->tls_failures,
	};
	for (uint32_t i = 0; i < d->n_workers; i++) {
		const struct weir_dns_tally *t = weir_dns_worker_tally(d, i);

		out->udp_queries += weir_dns_counted(&t->queries);
		out->udp_answers += weir_dns_counted(&t->answers);
		out->send_errors += weir_dns_counted(&t->send_errors);
	}
}

void weir_dns_worker_stats(const struct weir_dns *d, uint32_t worker,
			   struct weir_dns_worker_stats *out)
{
	const struct weir_dns_tally *t = weir_dns_worker_tally(d, worker);

	*out = (struct weir_dns_worker_stats){
		.cpu = weir_dns_worker_cpu(d, worker),
		.queries = weir_dns_counted(&t->queries),
		.answers = weir_dns_counted(&t->answers),
	};
}

void weir_dns_handle_closed(struct weir_dns *d)
{
	if (--d->handles || !d->closing)
		return;
	fini(d);
	free(d);
}

static void on_collect_closed(uv_handle_t *h)
{
	weir_dns_handle_closed(h->data);
}

void weir_dns_close(struct weir_dns *d)
{
	struct weir_dns_world *world;

	if (!d)
		return;
	d->closing = true;
	weir_dns_workers_stop(d);
	for (uint32_t i = 0; i < d->n_places; i++)
		close_place(&d->places[i]);
	free(d->places);
	weir_dns_conns_close(d);
	weir_dns_notify_end(d);
	world = weir_pub_get(d->pub);
	retire_tap(d, world->tap);
	weir_pub_free(d->pub);
	weir_zones_free(world->zones);
	free((void *)world->places);
	free((void *)world->sockets);
	free(world);
	if (d->filter_fd >= 0)
		close(d->filter_fd);
	uv_close((uv_handle_t *)&d->collect, on_collect_closed);
}
