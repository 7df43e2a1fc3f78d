/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_store.c - what the agent keeps: tokens, what was changed, and copies of it. */
#include "weirctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "weir/api.h"

/* Local time of milliseconds since 1970; "-" for what is none. */
static const char *when_text(const json_t *ms, char out[WEIRCTL_NUMBER])
{
	time_t s = (time_t)(json_integer_value(ms) / 1000);
	struct tm tm;

	strcpy(out, "-");
	if (json_is_integer(ms) && localtime_r(&s, &tm))
		strftime(out, WEIRCTL_NUMBER, "%Y-%m-%d %H:%M:%S", &tm);
	return out;
}

/* --- tokens --- */

static void print_tokens(const json_t *answer, bool colour)
{
	static const char *const titles[] = { "<NAME", "<SCOPE", "<CREATED", "<USED", NULL };
	struct weirctl_table t;
	const json_t *token;
	char when[WEIRCTL_NUMBER];
	size_t i;

	weirctl_table_init(&t, titles);
	json_array_foreach(json_object_get(answer, "tokens"), i, token)
	{
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(token, "name"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(token, "scope"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s",
				  when_text(json_object_get(token, "created"), when));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s",
				  when_text(json_object_get(token, "used"), when));
	}
	if (t.n)
		weirctl_table_print(&t, colour);
	else
		puts("there are no tokens");
}

/* The token alone, for scripts: it cannot be had again. */
static void print_secret(const json_t *answer, bool colour)
{
	(void)colour;
	puts(weirctl_str(answer, "token"));
}

static int create(struct weirctl *ctl)
{
	const char *name = ctl->option[WEIRCTL_NAME], *scope = ctl->option[WEIRCTL_SCOPE];
	json_t *body = name && scope ? json_pack("{s:s, s:s}", "name", name, "scope", scope) : NULL;
	int exit_status;
	json_t *answer;

	if (!body) {
		fputs("weirctl: token create takes --name NAME and --scope read|write\n", stderr);
		return WEIR_EXIT_INPUT;
	}
	answer = weirctl_tell(ctl, WEIR_API_TOKENS, body, &exit_status);
	return weirctl_show(ctl, answer, exit_status, print_secret);
}

static int revoke_token(struct weirctl *ctl)
{
	const char *name = ctl->args[1];
	int exit_status;
	json_t *answer;
	char *path;

	if (name[strspn(name,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-")]) {
		fprintf(stderr, "weirctl: no token can have such a name\n");
		return WEIR_EXIT_INPUT;
	}
	if (asprintf(&path, "%s/%s", WEIR_API_TOKENS, name) < 0)
		abort();
	answer = weirctl_change(ctl, path, NULL, &exit_status);
	free(path);
	if (!answer)
		return exit_status;
	json_decref(answer);
	return WEIR_EXIT_OK;
}

int weirctl_token(struct weirctl *ctl)
{
	const char *what = ctl->args[0];
	bool names = ctl->option[WEIRCTL_NAME] || ctl->option[WEIRCTL_SCOPE];
	int exit_status;
	json_t *answer;

	if (strcmp(what, "create") == 0 && !ctl->args[1])
		return create(ctl);
	if (strcmp(what, "revoke") == 0 && ctl->args[1] && !names)
		return revoke_token(ctl);
	if (strcmp(what, "list") == 0 && !ctl->args[1] && !names) {
		answer = weirctl_fetch(ctl, WEIR_API_TOKENS, &exit_status);
		return weirctl_show(ctl, answer, exit_status, print_tokens);
	}
	fputs("weirctl: token takes create --name NAME --scope read|write, list, or revoke NAME\n",
	      stderr);
	return WEIR_EXIT_INPUT;
}

/* --- what was changed --- */

#define CHANGES_SHOWN 3

/* "+pool web, -record 1234, ~pool api and 7 more": made, removed, changed. */
static void add_changes(struct weirctl_table *t, const json_t *changes)
{
	size_t n = json_array_size(changes), len = 0;
	char text[256] = "";

	for (size_t i = 0; i < n && i < CHANGES_SHOWN; i++) {
		const json_t *c = json_array_get(changes, i);
		bool was = json_is_object(json_object_get(c, "before"));
		bool is = json_is_object(json_object_get(c, "after"));

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%c%.20s %.40s",
					i ? ", " : "", is ? was ? '~' : '+' : '-',
					weirctl_str(c, "kind"), weirctl_str(c, "id"));
	}
	if (n > CHANGES_SHOWN)
		snprintf(text + len, sizeof(text) - len, " and %zu more", n - CHANGES_SHOWN);
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", text);
}

static void print_history(const json_t *answer, bool colour)
{
	static const char *const titles[] = { ">REVISION", "<AT",      "<WHO", "<FROM",
					      "<WHAT",     "<CHANGES", NULL };
	struct weirctl_table t;
	const json_t *r;
	char when[WEIRCTL_NUMBER];
	size_t i;

	weirctl_table_init(&t, titles);
	json_array_foreach(json_object_get(answer, "history"), i, r)
	{
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%lld",
				  (long long)json_integer_value(json_object_get(r, "revision")));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s",
				  when_text(json_object_get(r, "at"), when));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(r, "who"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(r, "from"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(r, "what"));
		add_changes(&t, json_object_get(r, "changes"));
	}
	if (t.n)
		weirctl_table_print(&t, colour);
	else
		puts("nothing was changed");
}

int weirctl_history(struct weirctl *ctl)
{
	double count = 20;
	int exit_status;
	json_t *answer;
	char *path;

	if (!weirctl_number(ctl, WEIRCTL_COUNT, 1, 1000, 1, &count))
		return WEIR_EXIT_INPUT;
	if (asprintf(&path, "%s?limit=%d", WEIR_API_HISTORY, (int)count) < 0)
		abort();
	answer = weirctl_fetch(ctl, path, &exit_status);
	free(path);
	return weirctl_show(ctl, answer, exit_status, print_history);
}

static void print_rollback(const json_t *answer, bool colour)
{
	long long n = json_integer_value(json_object_get(answer, "changes"));

	(void)colour;
	if (n)
		printf("revision %lld: %lld %s\n",
		       (long long)json_integer_value(json_object_get(answer, "revision")), n,
		       n == 1 ? "object is what it was" : "objects are what they were");
	else
		puts("everything is as it was then");
}

int weirctl_rollback(struct weirctl *ctl)
{
	const char *text = ctl->args[0];
	int exit_status;
	json_t *answer;
	long long n;
	char *end;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno) {
		fprintf(stderr, "weirctl: a revision is a whole number, as in `weirctl history`\n");
		return WEIR_EXIT_INPUT;
	}
	answer = weirctl_tell(ctl, WEIR_API_ROLLBACK, json_pack("{s:I}", "revision", (json_int_t)n),
			      &exit_status);
	return weirctl_show(ctl, answer, exit_status, print_rollback);
}

static void print_backup(const json_t *answer, bool colour)
{
	(void)colour;
	weirctl_say(stdout, "%s: revision %lld", weirctl_str(answer, "path"),
		    (long long)json_integer_value(json_object_get(answer, "revision")));
	putchar('\n');
}

int weirctl_backup(struct weirctl *ctl)
{
	const char *file = ctl->args[0];
	char *here = *file == '/' ? NULL : getcwd(NULL, 0), *path;
	int exit_status;
	json_t *answer;

	/* The agent is somewhere else. */
	if (asprintf(&path, "%s%s%s", here ? here : "", here ? "/" : "", file) < 0)
		abort();
	answer = weirctl_tell(ctl, WEIR_API_BACKUP, json_pack("{s:s}", "path", path), &exit_status);
	free(here);
	free(path);
	return weirctl_show(ctl, answer, exit_status, print_backup);
}
