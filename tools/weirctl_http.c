/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_http.c - the connection to the agent, and its answers as JSON. */
#include "weirctl.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

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

char *weirctl_below(char *path, const char *segment)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";
	size_t len = strlen(path);
	char *to;

	path = weir_grow(path, len + 3 * strlen(segment) + 1, 1);
	for (to = path + len; *segment; segment++)
		to += sprintf(to, strchr(plain, *segment) ? "%c" : "%%%02X",
			      (unsigned char)*segment);
	*to = 0;
	return path;
}

static void set_url(const struct weirctl *ctl, CURL *curl, const char *path)
{
	char *url;

	if (asprintf(&url, "http://%s%s", ctl->at, path) < 0)
		abort();
	curl_easy_setopt(curl, CURLOPT_URL, url); /* copied */
	free(url);
}

/* method NULL: GET; body NULL: none. */
static CURLcode request(struct weirctl *ctl, const char *path, const char *method, const char *body,
			struct answer *a, long *status)
{
	CURL *curl = link_to(ctl);
	CURLcode rc;

	if (!curl)
		return CURLE_OUT_OF_MEMORY;
	set_url(ctl, curl, path);
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L); /* and no body of the last request */
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
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

	if (status >= 400 && status < 500 && why)
		weirctl_say(stderr, "weirctl: %s", why);
	else if (status == 200)
		weirctl_say(stderr, "weirctl: what answers at %s is no weir agent: not JSON", at);
	else
		weirctl_say(stderr, "weirctl: %s answered with HTTP status %ld: %s", at, status,
			    why ? why : "is it a weir agent of this version?");
	fputc('\n', stderr);
	return status == 400 ? WEIR_EXIT_INPUT : WEIR_EXIT_FAILED; /* else it may be right later */
}

static json_t *object_of(struct weirctl *ctl, const char *path, const char *method,
			 const char *body, int *exit_status)
{
	struct answer a = { 0 };
	json_error_t bad;
	long status = 0;
	json_t *root;
	CURLcode rc = request(ctl, path, method, body, &a, &status);

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

json_t *weirctl_fetch(struct weirctl *ctl, const char *path, int *exit_status)
{
	return object_of(ctl, path, NULL, NULL, exit_status);
}

json_t *weirctl_send(struct weirctl *ctl, const char *method, const char *path, json_t *body,
		     int *exit_status)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_t *answer = object_of(ctl, path, method, text, exit_status);

	free(text);
	json_decref(body);
	return answer;
}

json_t *weirctl_change(struct weirctl *ctl, const char *path, json_t *body, int *exit_status)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_t *answer = object_of(ctl, path, text ? "PUT" : "DELETE", text, exit_status);

	free(text);
	json_decref(body);
	return answer;
}

json_t *weirctl_tell(struct weirctl *ctl, const char *path, json_t *body, int *exit_status)
{
	char *text = json_dumps(body, JSON_COMPACT);
	json_t *answer = object_of(ctl, path, "POST", text, exit_status);

	free(text);
	json_decref(body);
	return answer;
}

/* --- an answer that goes on --- */

struct stream {
	CURL *curl;
	const char *name; /* of the file */
	FILE *file;       /* NULL: nothing came yet */
	int err;          /* it could not be written */
	struct answer refusal;
	char summary[512];
};

static volatile sig_atomic_t wire = -1; /* the connection, for on_signal() */

/* The agent takes it for the end, and sends what it has. A second signal ends us at once. */
static void on_signal(int signum)
{
	int fd = wire;

	(void)signum;
	if (fd >= 0)
		shutdown(fd, SHUT_WR);
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)arg;
	(void)purpose;
	wire = fd;
	return CURL_SOCKOPT_OK;
}

/* Every piece goes on at once: somebody may be reading. */
static bool write_out(struct stream *s, const char *data, size_t len)
{
	if (!s->file)
		s->file = strcmp(s->name, "-") == 0 ? stdout : fopen(s->name, "wbe");
	if (s->file && fwrite(data, 1, len, s->file) == len && fflush(s->file) == 0)
		return true;
	s->err = errno;
	return false;
}

static size_t on_piece(char *data, size_t size, size_t n, void *arg)
{
	struct stream *s = arg;
	long status = 0;

	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return on_body(data, size, n, &s->refusal);
	return write_out(s, data, size * n) ? size * n : 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	static const char key[] = WEIR_API_CAPTURE_TRAILER ": ";
	struct stream *s = arg;
	size_t len = size * n, skip = sizeof(key) - 1;

	if (len > skip && strncasecmp(line, key, skip) == 0)
		snprintf(s->summary, sizeof(s->summary), "%.*s", (int)strcspn(line + skip, "\r\n"),
			 line + skip);
	return len;
}

static int say_stream(const struct weirctl *ctl, const struct stream *s, CURLcode rc, long status)
{
	json_error_t bad;
	json_t *root;
	int exit_status;

	if (status && status != 200) {
		root = json_loadb(s->refusal.bytes ? s->refusal.bytes : "", s->refusal.len, 0,
				  &bad);
		exit_status = say_refused(ctl->at, status, root);
		json_decref(root);
		return exit_status;
	}
	if (rc == CURLE_OK) {
		weirctl_say(stderr, "weirctl: %s", s->summary);
		fputc('\n', stderr);
		return WEIR_EXIT_OK;
	}
	if (s->err)
		fprintf(stderr, "weirctl: %s: cannot be written: %s\n", s->name, strerror(s->err));
	else if (status == 200)
		fprintf(stderr, "weirctl: the agent has gone in the middle: %s\n",
			curl_easy_strerror(rc));
	else
		say_unreachable(ctl->at, rc);
	return WEIR_EXIT_FAILED;
}

int weirctl_stream(struct weirctl *ctl, const char *path, const char *file)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	struct stream s = { .curl = link_to(ctl), .name = file };
	long status = 0;
	CURLcode rc;
	int exit_status;

	if (!s.curl)
		return WEIR_EXIT_FAILED;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	set_url(ctl, s.curl, path);
	curl_easy_setopt(s.curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(s.curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(s.curl, CURLOPT_HEADERDATA, &s);
	curl_easy_setopt(s.curl, CURLOPT_WRITEFUNCTION, on_piece);
	curl_easy_setopt(s.curl, CURLOPT_WRITEDATA, &s);
	rc = curl_easy_perform(s.curl);
	wire = -1;
	curl_easy_getinfo(s.curl, CURLINFO_RESPONSE_CODE, &status);
	exit_status = say_stream(ctl, &s, rc, status);
	if (s.file && s.file != stdout && fclose(s.file) && exit_status == WEIR_EXIT_OK) {
		fprintf(stderr, "weirctl: %s: cannot be written: %s\n", file, strerror(errno));
		exit_status = WEIR_EXIT_FAILED;
	}
	free(s.refusal.bytes);
	return exit_status;
}
