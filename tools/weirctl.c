/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl.c - the command line client of the agent: options, and the request. */
#include "weirctl.h"

#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/mem.h"
#include "weir/api.h"

#define ANSWER_MAX   (256ul << 20) /* bytes; a status of 100,000 endpoints is a tenth of it */
#define CONTROL_PORT 8650          /* that of WEIR_DEFAULT_CONTROL */
#define CONNECT_SEC  5L
#define ANSWER_SEC   30L

static const char usage[] =
	"Usage: weirctl [--control ADDR:PORT] status [--json]\n"
	"\n"
	"  status               what the agent serves, what is healthy, what packets met\n"
	"\n"
	"  -c, --control ADDR   where the agent listens: agent.control of its configuration\n"
	"                       (default: $WEIR_CONTROL, else " WEIR_DEFAULT_CONTROL ")\n"
	"  -j, --json           the agent's answer as it is\n"
	"  -h, --help           this text\n"
	"  -V, --version        the version of weirctl\n"
	"\n"
	"Exit status: 0 done, 1 the agent cannot be reached or refused, 2 wrong usage.\n"
	"Colours are used on a terminal, unless NO_COLOR is set.\n";

struct options {
	const char *control;
	bool json;
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

static CURLcode get(const char *url, struct answer *a, long *status)
{
	CURL *curl = curl_easy_init();
	CURLcode rc;

	if (!curl)
		return CURLE_OUT_OF_MEMORY;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "weirctl/" WEIR_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_SEC);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	curl_easy_cleanup(curl);
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

/* The status object, or NULL when what went wrong has been said. */
static json_t *fetch(const char *at)
{
	char url[WEIR_SOCKADDR_TEXT + sizeof("http://" WEIR_API_STATUS)];
	struct answer a = { 0 };
	json_error_t bad;
	long status = 0;
	json_t *root;
	CURLcode rc;

	snprintf(url, sizeof(url), "http://%s" WEIR_API_STATUS, at);
	rc = get(url, &a, &status);
	if (rc != CURLE_OK) {
		say_unreachable(at, rc);
		free(a.bytes);
		return NULL;
	}
	root = json_loadb(a.bytes ? a.bytes : "", a.len, 0, &bad);
	free(a.bytes);
	if (status == 200 && json_is_object(root))
		return root;
	if (status == 200)
		weirctl_say(stderr, "weirctl: what answers at %s is no weir agent: not JSON", at);
	else
		weirctl_say(stderr, "weirctl: %s answered with HTTP status %ld: %s", at, status,
			    json_is_string(json_object_get(root, "error"))
				    ? json_string_value(json_object_get(root, "error"))
				    : "is it a weir agent of this version?");
	fputc('\n', stderr);
	json_decref(root);
	return NULL;
}

static int run_status(const struct options *o, const char *at)
{
	const char *no_colour = getenv("NO_COLOR");
	json_t *status = fetch(at);

	if (!status)
		return WEIR_EXIT_FAILED;
	if (o->json) {
		json_dumpf(status, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
		putchar('\n');
	} else {
		weirctl_print_status(status, isatty(STDOUT_FILENO) && !(no_colour && *no_colour));
	}
	json_decref(status);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return WEIR_EXIT_OK;
	perror("weirctl: cannot write");
	return WEIR_EXIT_FAILED;
}

/* False: the command line is wrong, which has been said, or *done says it is dealt with. */
static bool parse_options(int argc, char **argv, struct options *o, bool *done)
{
	static const struct option known[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:jhV", known, NULL)) != -1) {
		if (c == 'c') {
			o->control = optarg;
		} else if (c == 'j') {
			o->json = true;
		} else if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? usage : "weirctl " WEIR_VERSION "\n", stdout);
			*done = true;
			return false;
		} else {
			return false;
		}
	}
	if (argc - optind == 1 && strcmp(argv[optind], "status") == 0)
		return true;
	if (optind == argc)
		fputs("weirctl: a command is missing\n", stderr);
	else
		fprintf(stderr, "weirctl: %s: the only command is \"status\"\n",
			argv[argc - optind > 1 && strcmp(argv[optind], "status") == 0 ? optind + 1
										      : optind]);
	return false;
}

int main(int argc, char **argv)
{
	const char *from_env = getenv("WEIR_CONTROL");
	struct options o = { .control = from_env && *from_env ? from_env : WEIR_DEFAULT_CONTROL };
	struct weir_sockaddr control;
	char at[WEIR_SOCKADDR_TEXT];
	bool done = false;

	if (!parse_options(argc, argv, &o, &done)) {
		if (done)
			return WEIR_EXIT_OK;
		fputs("Try \"weirctl --help\".\n", stderr);
		return WEIR_EXIT_INPUT;
	}
	if (!weir_sockaddr_parse(o.control, CONTROL_PORT, &control)) {
		fprintf(stderr,
			"weirctl: %s is no control address: it must be an IPv4 or IPv6 address and "
			"may have a port, as in 127.0.0.1:8650 or [::1]:8650\n",
			o.control);
		return WEIR_EXIT_INPUT;
	}
	return run_status(&o, weir_sockaddr_text(&control, at));
}
