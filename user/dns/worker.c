/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.c - a thread for each CPU that serves its own UDP sockets. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "dns/impl.h"

struct weir_dns_worker {
	struct weir_dns *d; /* only what does not change while workers run */
	pthread_t thread;
	uint32_t number;
	int cpu;
	int news; /* eventfd: another world, or the end */
	atomic_bool over;
	struct weir_dns_clerk clerk;
	struct weir_dns_batch *batch;

	/* Of the sockets it waits for: [0] is news. */
	struct pollfd poll[1 + WEIR_DNS_MAX_PLACES];
	uint32_t n_poll;
	uint64_t generation;
	bool lone; /* there is one socket, and it was busy: it is waited for in recvmmsg() */
};

/* --- on the worker's thread --- */

/* False: they are those that it has. */
static bool take_sockets(struct weir_dns_worker *w, const struct weir_dns_sockets *s)
{
	if (w->generation == s->generation)
		return false;
	w->generation = s->generation;
	w->lone = false;
	w->n_poll = 1 + s->n;
	for (uint32_t i = 0; i < s->n; i++)
		w->poll[1 + i] =
			(struct pollfd){ .fd = s->udp[i]->fds[w->number], .events = POLLIN };
	return true;
}

/* What is received is answered from the world of that time. */
static bool serve(struct weir_dns_worker *w, const struct weir_dns_udp *u, bool wait)
{
	unsigned n = weir_dns_udp_receive(u, w->number, w->batch, wait);

	if (!n)
		return false;
	weir_dns_clerk_tick(&w->clerk);
	weir_dns_udp_answer(u, w->number, weir_pub_again(w->d->pub), &w->clerk, w->batch, n);
	return true;
}

/* Serves what the last poll() found. Sockets that are others by now are waited for first. */
static void serve_ready(struct weir_dns_worker *w, const struct weir_dns_sockets *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (w->poll[1 + i].revents)
			w->lone = serve(w, s->udp[i], false) && s->n == 1;
}

static void take_news(struct weir_dns_worker *w)
{
	uint64_t n;

	if (w->poll[0].revents && read(w->news, &n, sizeof(n)) < 0 && errno != EAGAIN)
		weir_error("dns: worker %u: %s", w->number, "cannot read what is new");
}

/* A call less for each batch where there is one socket. Other sockets and the end are seen with the
 * next query, or when none has come for WEIR_DNS_WAIT_MS. */
static void *work(void *arg)
{
	struct weir_dns_worker *w = arg;

	while (!atomic_load(&w->over)) {
		const struct weir_dns_sockets *s;

		if (!w->lone && poll(w->poll, w->n_poll, -1) < 0)
			continue;
		if (!w->lone)
			take_news(w);
		s = ((const struct weir_dns_world *)weir_pub_enter(w->d->pub, w->number))->sockets;
		if (!take_sockets(w, s)) {
			if (w->lone)
				w->lone = serve(w, s->udp[0], true);
			else
				serve_ready(w, s);
		}
		weir_pub_leave(w->d->pub, w->number);
	}
	return NULL;
}

/* --- on the loop's thread --- */

int weir_dns_workers_init(struct weir_dns *d, uint32_t n)
{
	cpu_set_t cpus;
	uint32_t k = 0, most = n && n < WEIR_DNS_MAX_WORKERS ? n : WEIR_DNS_MAX_WORKERS;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return -errno;
	if ((uint32_t)CPU_COUNT(&cpus) < most)
		most = (uint32_t)CPU_COUNT(&cpus);
	if (most < n)
		weir_warn("dns: %u workers, not %u: one for each CPU there is", most, n);
	d->workers = weir_new_array(most, struct weir_dns_worker);
	d->n_workers = most;
	for (int cpu = 0; cpu < CPU_SETSIZE && k < most; cpu++) {
		int err;

		if (!CPU_ISSET(cpu, &cpus))
			continue;
		d->workers[k].cpu = cpu;
		err = weir_dns_clerk_init(&d->workers[k].clerk, k);
		k++;
		if (err)
			return err;
	}
	return 0;
}

int weir_dns_worker_cpu(const struct weir_dns *d, uint32_t worker)
{
	return d->workers[worker].cpu;
}

struct weir_dns_tally *weir_dns_worker_tally(const struct weir_dns *d, uint32_t worker)
{
	return &d->workers[worker].clerk.tally;
}

/* On its CPU alone, where that can be; all signals are the loop's. */
static int start_thread(struct weir_dns_worker *w)
{
	sigset_t all, before;
	cpu_set_t cpu;
	char name[16];
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	snprintf(name, sizeof(name), "weir-dns-%u", w->number);
	pthread_setname_np(w->thread, name);
	CPU_ZERO(&cpu);
	CPU_SET(w->cpu, &cpu);
	if (pthread_setaffinity_np(w->thread, sizeof(cpu), &cpu))
		weir_warn("dns: worker %u cannot be kept on CPU %d", w->number, w->cpu);
	return 0;
}

static int start(struct weir_dns *d, uint32_t number)
{
	struct weir_dns_worker *w = &d->workers[number];
	int err;

	w->d = d;
	w->number = number;
	w->n_poll = 1;
	w->news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->news < 0)
		return -errno;
	w->poll[0] = (struct pollfd){ .fd = w->news, .events = POLLIN };
	w->batch = weir_dns_batch_new();
	err = start_thread(w);
	if (err) {
		close(w->news);
		free(w->batch);
	}
	return err;
}

static void wake(const struct weir_dns_worker *w)
{
	uint64_t one = 1;

	if (write(w->news, &one, sizeof(one)) < 0 && errno != EAGAIN)
		weir_error("dns: worker %u cannot be woken up", w->number);
}

static void stop(struct weir_dns *d, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		atomic_store(&d->workers[i].over, true);
		wake(&d->workers[i]);
	}
	for (uint32_t i = 0; i < n; i++) {
		pthread_join(d->workers[i].thread, NULL);
		close(d->workers[i].news);
		free(d->workers[i].batch);
	}
}

int weir_dns_workers_start(struct weir_dns *d)
{
	for (uint32_t i = 0; !d->running && i < d->n_workers; i++) {
		int err = start(d, i);

		if (err) {
			stop(d, i);
			return err;
		}
	}
	d->running = true;
	return 0;
}

void weir_dns_workers_wake(struct weir_dns *d)
{
	for (uint32_t i = 0; d->running && i < d->n_workers; i++)
		wake(&d->workers[i]);
}

void weir_dns_workers_stop(struct weir_dns *d)
{
	if (d->running)
		stop(d, d->n_workers);
	d->running = false;
}

void weir_dns_workers_fini(struct weir_dns *d)
{
	for (uint32_t i = 0; i < d->n_workers; i++)
		weir_dns_clerk_fini(&d->workers[i].clerk);
	free(d->workers);
}
