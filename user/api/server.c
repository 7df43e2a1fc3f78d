/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - the server: where it listens, and when it begins and ends. */
#include "api/api_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define JANITOR_MS 1000

static void on_janitor(uv_timer_t *timer)
{
	struct weir_api *api = timer->data;
	uint64_t now_ns = uv_hrtime();

	for (struct api_door *d = api->doors; d; d = d->next)
		api_cut_off(d, now_ns);
}

static int listen_on(struct weir_api *api, const char *which, const struct weir_sockaddr *addr,
		     const struct weir_api_conf *conf)
{
	char text[WEIR_SOCKADDR_TEXT];
	int err = api_listen(api, addr, conf);

	if (err)
		weir_error("cannot listen on the %s address %s: %s", which,
			   weir_sockaddr_text(addr, text),
			   err == -EINVAL ? "no certificate" : strerror(-err));
	return err;
}

int weir_api_open(uv_loop_t *loop, struct weir_agent *agent, struct weir_api **out)
{
	const struct weir_agent_conf *conf = weir_agent_conf(agent);
	struct weir_api *api = weir_new(struct weir_api);
	int err;

	api->loop = loop;
	api->agent = agent;
	api->kept = api_kept_new();
	api->auth = api_auth_new();
	api->n_handles = 2;
	api_queue_init(api);
	uv_timer_init(loop, &api->janitor);
	api->janitor.data = api;
	uv_timer_start(&api->janitor, on_janitor, JANITOR_MS, JANITOR_MS);
	err = listen_on(api, "control", &conf->control, NULL);
	for (uint32_t i = 0; !err && i < conf->api.n_listen; i++)
		err = listen_on(api, "API", &conf->api.listen[i], &conf->api);
	if (err)
		weir_api_close(api);
	else
		*out = api;
	return err;
}

void weir_api_reload(struct weir_api *api)
{
	const struct weir_api_conf *conf;

	if (!api)
		return;
	api->reload_later = weir_agent_is_busy(api->agent); /* it has not read its file either */
	if (api->reload_later)
		return;
	conf = &weir_agent_conf(api->agent)->api;
	for (struct api_door *d = api->doors; d && conf->certificate; d = d->next)
		if (!d->control)
			api_listen_again(d, conf);
}

void api_handle_closed(struct weir_api *api)
{
	if (!--api->n_handles)
		free(api);
}

static void on_closed(uv_handle_t *h)
{
	api_handle_closed(h->data);
}

void weir_api_close(struct weir_api *api)
{
	if (!api)
		return;
	api->closing = true;
	api_queue_close(api);
	api_resume_captures(api);
	api_listen_no_more(api);
	uv_close((uv_handle_t *)&api->turn, on_closed);
	uv_close((uv_handle_t *)&api->janitor, on_closed);
	api_kept_free(api->kept);
	free(api->openapi);
	api_auth_free(api->auth);
}
