/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - weir-agent: options, signals, the loop. The only file that knows every module. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "api/api.h"
#include "base/log.h"
#include "dataplane/plane.h"
#include "weir/api.h"

static const char usage[] =
	"usage: weir-agent [--config FILE] [--detach]   run until SIGTERM or SIGINT\n"
	"       weir-agent --check [--config FILE]      check the configuration and exit\n"
	"       weir-agent --detach [--pin-path DIR]    remove the packet path and exit\n"
	"\n"
	"  -c, --config FILE    the configuration (default " WEIR_DEFAULT_CONFIG ")\n"
	"      --check          exit 0 when it is good, 2 with what is wrong and where\n"
	"      --detach         with --config: take the packet path off when the agent ends;\n"
	"                       alone: take it off now, with everything that was pinned\n"
	"      --pin-path DIR   with --detach alone: whose (default " WEIR_DEFAULT_PIN ")\n"
	"  -h, --help           this text\n"
	"  -V, --version        the version\n"
	"\n"
	"SIGHUP reads the configuration again, all of it or nothing. An agent that ends, however\n"
	"that happens, leaves the packet path forwarding unless --detach was given; the next one\n"
	"adopts it.\n";

struct options {
	const char *config, *pin_path;
	bool check, detach;
};

struct program {
	uv_loop_t loop;
	uv_signal_t hup, term, intr;
	struct weir_agent *agent;
	struct weir_api *api;
	bool stopping, detach;
};

static int bad_usage(const char *fmt, const char *what)
{
	fprintf(stderr, "weir-agent: ");
	fprintf(stderr, fmt, what);
	fprintf(stderr, "\nTry `weir-agent --help`.\n");
	return -1;
}

/* 0; 1: done (help); -1: bad usage, said. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "detach", no_argument, NULL, 'd' },
		{ "pin-path", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
		if (c == 'c') {
			o->config = optarg;
		} else if (c == 'k') {
			o->check = true;
		} else if (c == 'd') {
			o->detach = true;
		} else if (c == 'p') {
			o->pin_path = optarg;
		} else if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? usage : "weir-agent " WEIR_VERSION "\n", stdout);
			return 1;
		} else {
			return -1;
		}
	}
	if (optind < argc)
		return bad_usage("%s: unexpected", argv[optind]);
	if (o->check && o->detach)
		return bad_usage("%s and --detach exclude each other", "--check");
	if (o->pin_path && (!o->detach || o->config))
		return bad_usage("%s goes with --detach alone", "--pin-path");
	return 0;
}

static struct weir_model *read_config(const char *path, json_t **root)
{
	struct weir_model *m = NULL;
	struct weir_err err;
	char text[1024];

	if (!weir_config_read(path, root, &m, &err))
		fprintf(stderr, "%s\n", weir_config_error(path, &err, text, sizeof(text)));
	return m;
}

static void on_hup(uv_signal_t *s, int signum)
{
	struct program *p = s->data;

	(void)signum;
	if (p->agent) /* else it is being opened, and has just read the file */
		weir_agent_reload(p->agent);
	weir_api_reload(p->api);
}

static void stop(struct program *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	weir_api_close(p->api);
	weir_agent_close(p->agent);
	uv_close((uv_handle_t *)&p->hup, NULL);
	uv_close((uv_handle_t *)&p->term, NULL);
	uv_close((uv_handle_t *)&p->intr, NULL);
}

static void on_stop(uv_signal_t *s, int signum)
{
	struct program *p = s->data;

	weir_info("%s: ending; the packet path %s", signum == SIGTERM ? "SIGTERM" : "SIGINT",
		  p->detach ? "ends too" : "goes on");
	stop(p);
}

static void watch_signals(struct program *p)
{
	uv_signal_init(&p->loop, &p->hup);
	uv_signal_init(&p->loop, &p->term);
	uv_signal_init(&p->loop, &p->intr);
	p->hup.data = p->term.data = p->intr.data = p;
	uv_signal_start(&p->hup, on_hup, SIGHUP);
	uv_signal_start(&p->term, on_stop, SIGTERM);
	uv_signal_start(&p->intr, on_stop, SIGINT);
}

/* Thousands of probes and DNS connections need descriptors. */
static void raise_limits(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	signal(SIGPIPE, SIG_IGN);
}

static int run(const char *config, json_t *root, struct weir_model *model, bool detach)
{
	struct program p = { .detach = detach };
	int err;

	raise_limits();
	uv_loop_init(&p.loop);
	watch_signals(&p);
	err = weir_agent_open(&p.loop, config, root, model, &p.agent);
	if (p.stopping) { /* a signal came before there was an agent */
		weir_agent_close(p.agent);
		goto stopped;
	}
	if (!err)
		err = weir_api_open(&p.loop, p.agent, &p.api);
	if (!err)
		err = weir_agent_start(p.agent);
	if (err)
		stop(&p);
stopped:
	uv_run(&p.loop, UV_RUN_DEFAULT);
	uv_loop_close(&p.loop);
	return err ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	const char *config;
	struct weir_model *model;
	json_t *root = NULL;
	char pin_path[4096];
	int rc = parse_options(argc, argv, &o);

	if (rc)
		return rc > 0 ? WEIR_EXIT_OK : WEIR_EXIT_INPUT;
	if (o.detach && !o.config)
		return weir_plane_remove(o.pin_path ? o.pin_path : WEIR_DEFAULT_PIN)
			       ? WEIR_EXIT_FAILED
			       : WEIR_EXIT_OK;
	config = o.config ? o.config : WEIR_DEFAULT_CONFIG;
	model = read_config(config, &root);
	if (!model)
		return WEIR_EXIT_INPUT;
	if (o.check) {
		printf("%s: good: %u pools, %u origins, %u load balancers, %u records\n", config,
		       model->n_pools, model->n_origins, model->n_lbs, model->n_records);
		for (uint32_t i = 0; i < model->n_notes; i++)
			printf("note: %s: %s\n", model->notes[i].path, model->notes[i].text);
		weir_model_free(model);
		json_decref(root);
		return WEIR_EXIT_OK;
	}
	snprintf(pin_path, sizeof(pin_path), "%s", model->agent.pin_path);
	rc = run(config, root, model, o.detach);
	/* What an agent found that could not start is not its own. */
	if (o.detach && rc == WEIR_EXIT_OK && weir_plane_remove(pin_path))
		rc = WEIR_EXIT_FAILED;
	return rc;
}
