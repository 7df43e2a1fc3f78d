/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_probe.c - what probes cost: the share of one core that an agent's loop needs for so many
 * endpoints probed every 5 s. The endpoints are addresses of the loopback device in a network of
 * its own, and another process listens there; what the kernel does for both ends of a connection
 * is in the figures. argv[1]: a regular expression of the rows wanted. */
#include <arpa/inet.h>
#include <errno.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "figures.h"
#include "probe/prober.h"

#define INTERVAL_MS 5000
#define ROUNDS      3 /* intervals that are measured */
#define PORT        8080
#define REPLY       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"

struct bench {
	uv_loop_t loop;
	struct weir_prober *prober;
	uint64_t verdicts, failed;
};

/* --- who is probed --- */

static int listen_everywhere(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) || listen(fd, 4096)) {
		perror("bench_probe: listen");
		exit(1);
	}
	return fd;
}

/* Answers whatever comes in, and closes after the other side. */
static void serve(int listener)
{
	int ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = listener }, ready[64];
	char request[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		int n = epoll_wait(ep, ready, 64, -1);

		for (int i = 0; i < n; i++) {
			int fd = ready[i].data.fd;

			if (fd == listener) {
				e.data.fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
				epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e);
			} else if (recv(fd, request, sizeof(request), 0) > 0) {
				(void)!send(fd, REPLY, sizeof(REPLY) - 1, MSG_NOSIGNAL);
			} else {
				close(fd);
			}
		}
	}
}

static void own_network(void)
{
	struct rlimit limit = { 65536, 65536 };

	setrlimit(RLIMIT_NOFILE, &limit);
	if (unshare(CLONE_NEWNET) || system("ip link set lo up")) {
		fprintf(stderr, "bench_probe: needs root and a network namespace\n");
		exit(1);
	}
}

/* --- the prober --- */

static void on_verdict(void *arg, uint32_t index, uint32_t member, const struct weir_verdict *v)
{
	struct bench *b = arg;

	(void)index;
	(void)member;
	b->verdicts++;
	b->failed += !v->pass;
}

/* One pool of n origins, 127.1.0.1 and so on. */
static struct weir_model *model_of(struct weir_monitor *m, struct weir_pool *pool, uint32_t n)
{
	struct weir_model *model = weir_new(struct weir_model);
	struct weir_origin *origins = weir_new_array(n, struct weir_origin);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t ip = htonl(0x7f010001 + i);
		char name[16];

		snprintf(name, sizeof(name), "o%u", i);
		origins[i] = (struct weir_origin){ .index = i,
						   .name = strdup(name),
						   .addr = weir_addr_v4(&ip),
						   .port = PORT,
						   .enabled = true };
	}
	*pool = (struct weir_pool){
		.id = "p", .monitor = m, .origins = origins, .n_origins = n, .enabled = true
	};
	*model = (struct weir_model){ .pools = pool, .n_pools = 1, .n_origins = n };
	return model;
}

static void model_drop(struct weir_model *m)
{
	for (uint32_t i = 0; i < m->n_origins; i++)
		free((char *)m->pools->origins[i].name);
	free((void *)m->pools->origins);
	free(m);
}

static void on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void run_for(struct bench *b, uint64_t ms)
{
	uv_timer_t timer;

	uv_timer_init(&b->loop, &timer);
	uv_timer_start(&timer, on_time, ms, 0);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&b->loop, UV_RUN_NOWAIT);
}

/* CPU time in percent of the interval, by the probes that were made after all have settled. */
static double share(struct weir_monitor *m, uint32_t n)
{
	struct bench b = { .verdicts = 0 };
	struct weir_pool pool;
	struct weir_model *model = model_of(m, &pool, n);
	uint64_t cpu_ns;
	double percent;

	uv_loop_init(&b.loop);
	if (weir_prober_open(&b.loop, on_verdict, &b, &b.prober))
		exit(1);
	weir_prober_set(b.prober, model);
	run_for(&b, 2 * INTERVAL_MS); /* the first probes come closer together */
	b.verdicts = 0;
	cpu_ns = figure_cpu_ns();
	run_for(&b, ROUNDS * INTERVAL_MS);
	cpu_ns = figure_cpu_ns() - cpu_ns;
	percent = (double)cpu_ns / 1e6 / INTERVAL_MS * 100 * n / (double)b.verdicts;
	if (b.failed || b.verdicts < n * ROUNDS * 98ull / 100) {
		fprintf(stderr, "bench_probe: %u endpoints: %llu verdicts, %llu failed\n", n,
			(unsigned long long)b.verdicts, (unsigned long long)b.failed);
		exit(1);
	}
	weir_prober_close(b.prober);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	uv_loop_close(&b.loop);
	model_drop(model);
	return percent;
}

/* What no probe can do without: a socket, a connection, its end. Microseconds. */
static double least(void)
{
	enum {
		COUNT = 20000
	};
	uint64_t start_ns = figure_cpu_ns();

	for (uint32_t i = 0; i < COUNT; i++) {
		struct sockaddr_in in = { .sin_family = AF_INET,
					  .sin_port = htons(PORT),
					  .sin_addr.s_addr = htonl(0x7f010001 + i % 10000) };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof(in))) {
			perror("bench_probe: connect");
			exit(1);
		}
		close(fd);
	}
	return (double)(figure_cpu_ns() - start_ns) / 1e3 / COUNT;
}

/* --- rows --- */

struct row {
	const char *name;
	enum weir_monitor_type type;
	uint32_t n;
	double bar; /* percent; 0: none */
};

static const struct row rows[] = {
	{ "probe/tcp-1000", WEIR_MONITOR_TCP, 1000, 0 },
	{ "probe/tcp-10000", WEIR_MONITOR_TCP, 10000, 30 },
	{ "probe/http-1000", WEIR_MONITOR_HTTP, 1000, 0 },
	{ "probe/http-10000", WEIR_MONITOR_HTTP, 10000, 45 },
};

static void measure(const struct row *r, double least_us)
{
	struct weir_monitor m = { .type = r->type,
				  .method = "GET",
				  .path = "/",
				  .expected_body = "",
				  .interval_ms = INTERVAL_MS,
				  .timeout_ms = 2000 };
	struct figure f = { .name = r->name,
			    .unit = "% core",
			    .against = "probe/least",
			    .bar = r->bar,
			    .bar_of_value = 1 };

	m.expected_codes[200 / 8] |= 1u << 200 % 8;
	f.value = share(&m, r->n);
	f.floor = least_us * r->n / INTERVAL_MS / 10; /* in the same unit */
	f.ratio = f.value / f.floor;
	figure_print(&f);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct figure f = { .name = "probe/least", .unit = "us" };
	bool any = false, wanted[sizeof(rows) / sizeof(rows[0])];
	regex_t re;
	pid_t server;
	int listener;

	if (regcomp(&re, argc > 1 ? argv[1] : "", REG_EXTENDED | REG_NOSUB))
		return 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		any |= wanted[i] = !regexec(&re, rows[i].name, 0, NULL, 0);
	if (!any)
		return 0;
	own_network();
	listener = listen_everywhere();
	server = fork();
	if (!server)
		serve(listener);
	close(listener);
	f.value = least();
	figure_print(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (wanted[i])
			measure(&rows[i], f.value);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	regfree(&re);
	return 0;
}
