/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_zone.c - zones: the keys of those that are signed. */
#include "weirctl.h"

#include <stdlib.h>
#include <string.h>

#include "weir/api.h"

static const json_t *find(const json_t *all, const char *name)
{
	size_t len = strlen(name), i;
	const json_t *z;

	if (len > 1 && name[len - 1] == '.')
		len--;
	json_array_foreach(json_object_get(all, "zones"), i, z)
	{
		const char *is = weirctl_str(z, "name");

		if (strlen(is) == len && !strncasecmp(is, name, len))
			return z;
	}
	return NULL;
}

static void print_keys(const json_t *ring, bool colour)
{
	struct weirctl_table t;
	const json_t *k;
	size_t i;

	weirctl_table_init(&t, (const char *const[]){ "<KEY", ">TAG", "<STATE", "<SINCE", "<UNTIL",
						      "<SIGNS", NULL });
	json_array_foreach(ring, i, k)
	{
		bool zone = weirctl_yes(k, "signs_zone"), keys = weirctl_yes(k, "signs_keys");

		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(k, "role"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%lld", weirctl_int(k, "tag"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(k, "state"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(k, "since"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(k, "until"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s",
				  zone && keys ? "keys, zone"
				  : keys       ? "keys"
				  : zone       ? "zone"
					       : "-");
	}
	weirctl_table_print(&t, colour);
}

static void print_records(const json_t *ring, const char *which)
{
	const json_t *k;
	size_t i;

	json_array_foreach(ring, i, k)
	{
		if (json_is_string(json_object_get(k, which)))
			weirctl_say(stdout, "%s", weirctl_str(k, which)), putchar('\n');
	}
}

static int print(const json_t *z, bool colour)
{
	const json_t *dnssec = json_object_get(z, "dnssec");
	const json_t *ring = json_object_get(dnssec, "ring");

	if (!json_is_object(dnssec)) {
		weirctl_say(stderr, "weirctl: zone %s is not signed", weirctl_str(z, "name"));
		fputc('\n', stderr);
		return WEIR_EXIT_FAILED;
	}
	print_keys(ring, colour);
	if (json_is_string(json_object_get(dnssec, "next")))
		weirctl_say(stdout, "%s", weirctl_str(dnssec, "next")), putchar('\n');
	if (weirctl_yes(dnssec, "signing"))
		puts("its file is being signed");
	print_records(ring, "ds");
	print_records(ring, "dnskey");
	return weirctl_flush();
}

static int show(struct weirctl *ctl, const char *name)
{
	int status;
	json_t *all = weirctl_fetch(ctl, WEIR_API_ZONES, &status);
	const json_t *z;

	if (!all)
		return status;
	z = find(all, name);
	if (!z) {
		weirctl_say(stderr, "weirctl: there is no zone %s", name);
		fputc('\n', stderr);
		status = WEIR_EXIT_FAILED;
	} else if (ctl->option[WEIRCTL_JSON]) {
		json_dumpf(z, stdout, JSON_INDENT(2));
		putchar('\n');
		status = weirctl_flush();
	} else {
		status = print(z, ctl->colour);
	}
	json_decref(all);
	return status;
}

static int tell(struct weirctl *ctl, const char *what, const char *name, const char *role)
{
	json_t *body = role ? json_pack("{s:s}", "role", role) : json_object(), *answer;
	size_t len = strlen(name);
	int status;
	char *path;

	if (!body || strchr(name, '/')) {
		fprintf(stderr, "weirctl: that is no name\n");
		json_decref(body);
		return WEIR_EXIT_INPUT;
	}
	if (len > 1 && name[len - 1] == '.')
		len--;
	if (asprintf(&path, "%s/%.*s/%s", WEIR_API_ZONES, (int)len, name, what) < 0)
		abort();
	answer = weirctl_tell(ctl, path, body, &status);
	free(path);
	if (!answer)
		return status;
	json_decref(answer);
	return show(ctl, name);
}

int weirctl_zone(struct weirctl *ctl)
{
	const char *what = ctl->args[0], *name = ctl->args[1];
	const char *role = name ? ctl->args[2] : NULL;
	bool keys = !strcmp(what, "roll") || !strcmp(what, "ds-seen") || !strcmp(what, "dnssec");

	if (!keys)
		return weirctl_object(ctl);
	if (name && !strcmp(what, "roll") && (!role || !ctl->args[3]))
		return tell(ctl, what, name, role);
	if (name && !role && !strcmp(what, "ds-seen"))
		return tell(ctl, what, name, NULL);
	if (name && !role && !strcmp(what, "dnssec"))
		return show(ctl, name);
	fprintf(stderr,
		"weirctl: zone takes dnssec NAME, roll NAME [csk|ksk|zsk] or ds-seen NAME\n");
	return WEIR_EXIT_INPUT;
}
