/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_http.c - the connection to the agent, and its answers as JSON. */
#include "weirctl.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "weir/api.h"

#define ANSWER_MAX  (256ul << 20) /* bytes; a status of 100,000 endpoints is a tenth of it */
#define CONNECT_SEC 5L
#define ANSWER_SEC  30L

struct weirctl_link {
	CURL *curl;
};

struct answer {
	char *bytes;
	size_t len, room;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	size_t len = size * n;

	if (len > ANSWER_MAX - a->len)
		return 0;
	if (a->len + len > a->room) {
		a->room = 2 * (a->len + len);
		a->bytes = weir_grow(a->bytes, a->room, 1);
	}
	memcpy(a->bytes + a->len, data, len);
	a->len += len;
	return len;
}

/* The connection is kept from one answer to the next. NULL: no memory. */
static CURL *link_to(struct weirctl *ctl)
{
	CURL *curl;

	if (!ctl->link) {
		ctl->link = weir_new(struct weirctl_link);
		ctl->link->curl = curl_easy_init();
	}
	curl = ctl->link->curl;
	if (!curl)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "weirctl/" WEIR_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	return curl;
}

void weirctl_hang_up(struct weirctl *ctl)
{
	if (ctl->link)
		curl_easy_cleanup(ctl->link->curl);
	free(ctl->link);
	ctl->link = NULL;
}

char *weirctl_ask(char *path, const char *key, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~:,/";
	size_t len = strlen(path);
	char *out = weir_alloc(len + strlen(key) + 3 * strlen(value) + 3, 1);
	char *to = out + sprintf(out, "%s%c%s=", path, strchr(path, '?') ? '&' : '?', key);

	for (; *value; value++)
		to += sprintf(to, strchr(plain, *value) ? "%c" : "%%%02X", (unsigned char)*value);
	free(path);
	return out;
}

static CURLcode get(struct weirctl *ctl, const char *path, struct answer *a, long *status)
{
	CURL *curl = link_to(ctl);
	CURLcode rc;
	char *url;

	if (!curl)
		return CURLE_OUT_OF_MEMORY;
	if (asprintf(&url, "http://%s%s", ctl->at, path) < 0)
		abort();
	curl_easy_setopt(curl, CURLOPT_URL, url); /* copied */
	free(url);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_SEC);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	return rc;
}

static void say_unreachable(const char *at, CURLcode rc)
{
	fprintf(stderr,
		"weirctl: cannot reach the agent at %s: %s; check that weir-agent runs and that "
		"agent.control in its configuration is this address (--control or WEIR_CONTROL "
		"name another)\n",
		at,
		rc == CURLE_COULDNT_CONNECT ? "the connection was refused or has no route"
					    : curl_easy_strerror(rc));
}

/* What an answer that is not what was asked for has to say. Returns the exit status. */
static int say_refused(const char *at, long status, const json_t *root)
{
	const char *why = json_string_value(json_object_get(root, "error"));

	if (status == 400 && why)
		weirctl_say(stderr, "weirctl: %s", why);
	else if (status == 200)
		weirctl_say(stderr, "weirctl: what answers at %s is no weir agent: not JSON", at);
	else
		weirctl_say(stderr, "weirctl: %s answered with HTTP status %ld: %s", at, status,
			    why ? why : "is it a weir agent of this version?");
	fputc('\n', stderr);
	return status == 400 ? WEIR_EXIT_INPUT : WEIR_EXIT_FAILED;
}

json_t *weirctl_fetch(struct weirctl *ctl, const char *path, int *exit_status)
{
	struct answer a = { 0 };
	json_error_t bad;
	long status = 0;
	json_t *root;
	CURLcode rc = get(ctl, path, &a, &status);

	*exit_status = WEIR_EXIT_FAILED;
	if (rc != CURLE_OK) {
		say_unreachable(ctl->at, rc);
		free(a.bytes);
		return NULL;
	}
	root = json_loadb(a.bytes ? a.bytes : "", a.len, 0, &bad);
	free(a.bytes);
	if (status == 200 && json_is_object(root))
		return root;
	*exit_status = say_refused(ctl->at, status, root);
	json_decref(root);
	return NULL;
}
