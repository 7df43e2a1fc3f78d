/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_status.c - the status object of weir/api.h as tables. An agent of another version may
 * lack a field: it is shown as nothing. */
#include "weirctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/api.h"

#define TITLES(...)               \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static bool no(const json_t *o, const char *key)
{
	return json_is_false(json_object_get(o, key));
}

static enum weirctl_colour of_state(const char *state)
{
	if (strcmp(state, "healthy") == 0)
		return WEIRCTL_GOOD;
	if (strcmp(state, "unhealthy") == 0 || strcmp(state, "critical") == 0)
		return WEIRCTL_BAD;
	if (strcmp(state, "degraded") == 0 || strcmp(state, "draining") == 0)
		return WEIRCTL_WARN;
	return WEIRCTL_PLAIN;
}

static void print_title(const char *title)
{
	printf("\n%s\n", title);
}

static void print_notes(const json_t *notes)
{
	const json_t *note;
	size_t i;

	json_array_foreach(notes, i, note)
	{
		weirctl_say(stdout, "note        %s: %s", weirctl_str(note, "path"),
			    weirctl_str(note, "text"));
		putchar('\n');
	}
}

static void print_config(const json_t *config, bool colour)
{
	char ago[WEIRCTL_NUMBER];

	weirctl_say(stdout, "config      %s, revision %lld, loaded %s ago",
		    weirctl_str(config, "file"), weirctl_int(config, "revision"),
		    weirctl_ago(weirctl_str(config, "loaded_at"), ago));
	putchar('\n');
	print_notes(json_object_get(config, "notes"));
	if (!json_is_string(json_object_get(config, "error")))
		return;
	weirctl_put(WEIRCTL_BAD, colour, "CONFIG ERROR");
	printf(" the file as it is now was refused; revision %lld stays in use:\n            ",
	       weirctl_int(config, "revision"));
	weirctl_put(WEIRCTL_BAD, colour, weirctl_str(config, "error"));
	putchar('\n');
}

static void print_header(const json_t *s, bool colour)
{
	const json_t *usage = json_object_get(s, "usage"), *nic;
	char ago[WEIRCTL_NUMBER];
	size_t i;

	weirctl_say(stdout, "node        %s, region %s, weir %s, up %s", weirctl_str(s, "node"),
		    weirctl_str(s, "region"), weirctl_str(s, "version"),
		    weirctl_ago(weirctl_str(s, "started_at"), ago));
	putchar('\n');
	print_config(json_object_get(s, "config"), colour);
	weirctl_say(stdout, "digest      %s", weirctl_str(s, "table_digest"));
	printf("\ninterfaces  ");
	json_array_foreach(json_object_get(s, "interfaces"), i, nic)
		weirctl_say(stdout, "%s%s (%s%s)", i ? ", " : "", weirctl_str(nic, "name"),
			    weirctl_str(nic, "mode"), weirctl_yes(nic, "shared") ? ", shared" : "");
	printf("%s\n", json_array_size(json_object_get(s, "interfaces")) ? "" : "none");
	printf("in use      %lld services, %lld endpoints (%lld draining), %lld of %lld rows (%lld "
	       "unsettled)\n",
	       weirctl_int(usage, "services"), weirctl_int(usage, "endpoints"),
	       weirctl_int(usage, "draining_endpoints"), weirctl_int(usage, "rows"),
	       weirctl_int(usage, "max_rows"), weirctl_int(usage, "unsettled_rows"));
	if (weirctl_int(usage, "crowded"))
		printf("            %lld load balancers have fewer rows than suit them, %lld: "
		       "agent.max_rows\n",
		       weirctl_int(usage, "crowded"), weirctl_int(usage, "table_limit"));
}

/* A pool by the name people gave it; its id if it has none. */
static const char *pool_name(const json_t *s, const json_t *user)
{
	const char *id = weirctl_str(user, "pool");
	const json_t *pool;
	size_t i;

	json_array_foreach(json_object_get(s, "pools"), i,
			   pool) if (strcmp(weirctl_str(pool, "id"), id) == 0 &&
				     strcmp(weirctl_str(pool, "name"), "-") !=
					     0) return weirctl_str(pool, "name");
	return id;
}

static void add_pool(struct weirctl_table *t, const json_t *s, const json_t *user)
{
	bool none = json_is_null(json_object_get(user, "pool"));

	if (none)
		weirctl_table_add(t, WEIRCTL_BAD, "none!");
	else if (weirctl_yes(user, "fallback"))
		weirctl_table_add(t, WEIRCTL_BAD, "%s fallback!", pool_name(s, user));
	else
		weirctl_table_add(t, WEIRCTL_PLAIN, "%s", pool_name(s, user));
}

static void print_services(const json_t *s, bool colour)
{
	struct weirctl_table t;
	const json_t *svc;
	size_t i;

	print_title("SERVICES");
	weirctl_table_init(&t, TITLES("<PROTO", "<VIP", ">PORT", "<LOAD BALANCER", "<POOL",
				      "<FORWARDING", ">ENDPOINTS", ">ROWS"));
	json_array_foreach(json_object_get(s, "services"), i, svc)
	{
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(svc, "protocol"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(svc, "vip"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%lld", weirctl_int(svc, "port"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(svc, "load_balancer"));
		add_pool(&t, s, svc);
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(svc, "forwarding"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%zu",
				  json_array_size(json_object_get(svc, "endpoints")));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%lld", weirctl_int(svc, "rows"));
	}
	weirctl_table_print(&t, colour);
}

static void print_load_balancers(const json_t *s, bool colour)
{
	struct weirctl_table t;
	const json_t *lb;
	size_t i;

	print_title("LOAD BALANCERS");
	weirctl_table_init(&t, TITLES("<NAME", "<KIND", "<STATE", "<POOL"));
	json_array_foreach(json_object_get(s, "load_balancers"), i, lb)
	{
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(lb, "name"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s",
				  weirctl_yes(lb, "proxied") ? "proxied" : "DNS-only");
		weirctl_table_add(&t, of_state(weirctl_str(lb, "state")), "%s",
				  weirctl_str(lb, "state"));
		if (no(lb, "enabled"))
			weirctl_table_add(&t, WEIRCTL_PLAIN, "-");
		else
			add_pool(&t, s, lb);
	}
	weirctl_table_print(&t, colour);
}

/* Rows by place in the services that the pool serves, the caller's; *all: of any place. */
static json_t *count_rows(const json_t *s, const json_t *pool, long long *all)
{
	json_t *rows = json_object();
	const json_t *svc, *e;
	char at[WEIRCTL_PLACE];
	size_t i, k;

	*all = 0;
	json_array_foreach(json_object_get(s, "services"), i, svc)
	{
		if (strcmp(weirctl_str(svc, "pool"), weirctl_str(pool, "id")) != 0)
			continue;
		*all += weirctl_int(svc, "rows");
		json_array_foreach(json_object_get(svc, "endpoints"), k, e) json_object_set_new(
			rows, weirctl_place(e, at),
			json_integer(weirctl_int(rows, at) + weirctl_int(e, "rows")));
	}
	return rows;
}

/* "forced down by ann until 2026-11-29T18:00:00.000Z: disk is replaced"; "" without an override.
 * The caller's. */
static char *by_hand(const json_t *o)
{
	const json_t *said = json_object_get(o, "override");
	bool ends = json_is_string(json_object_get(said, "until"));
	char *out;

	if (!json_is_object(said))
		return strdup("");
	if (asprintf(&out, "forced %s by %s%s%s: %s", weirctl_str(said, "state"),
		     weirctl_str(said, "by"), ends ? " until " : "",
		     ends ? weirctl_str(said, "until") : "", weirctl_str(said, "reason")) < 0)
		abort();
	return out;
}

static void add_reason(struct weirctl_table *t, const json_t *o)
{
	bool no_next_hop = no(o, "next_hop");
	char *forced = by_hand(o);
	char status[WEIRCTL_NUMBER] = "";

	if (weirctl_int(o, "status") && !*forced)
		snprintf(status, sizeof(status), " (%lld)", weirctl_int(o, "status"));
	weirctl_table_add(t, no_next_hop ? WEIRCTL_BAD : WEIRCTL_PLAIN, "%s%s%s",
			  *forced ? forced : weirctl_str(o, "reason"), status,
			  no_next_hop ? ", NO NEXT HOP" : "");
	free(forced);
}

static void add_state(struct weirctl_table *t, const json_t *o)
{
	char ago[WEIRCTL_NUMBER];

	if (no(o, "enabled"))
		weirctl_table_add(t, WEIRCTL_PLAIN, "disabled");
	else
		weirctl_table_add(t, of_state(weirctl_str(o, "state")), "%s",
				  weirctl_str(o, "state"));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_ago(weirctl_str(o, "since"), ago));
	add_reason(t, o);
}

/* "7/10" where they are counted. */
static void add_open(struct weirctl_table *t, const json_t *o)
{
	long long open = weirctl_int(o, "open"), most = weirctl_int(o, "max_conn");

	if (!json_is_integer(json_object_get(o, "open")))
		weirctl_table_add(t, WEIRCTL_PLAIN, "-");
	else if (!most)
		weirctl_table_add(t, WEIRCTL_PLAIN, "%lld", open);
	else
		weirctl_table_add(t, open >= most ? WEIRCTL_WARN : WEIRCTL_PLAIN, "%lld/%lld", open,
				  most);
}

static void add_origin(struct weirctl_table *t, const json_t *rows, long long all, const json_t *o)
{
	const char *addr = weirctl_str(o, "address");
	char text[WEIRCTL_NUMBER], place[WEIRCTL_PLACE];
	/* Services that rewrite no ports know the address alone. */
	bool own_port = json_object_get(rows, weirctl_place(o, place));
	long long mine =
		weirctl_int(rows, addr) + (strcmp(addr, place) ? weirctl_int(rows, place) : 0);

	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_str(o, "name"));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", own_port ? place : addr);
	if (weirctl_int(o, "weight_percent") < 100 && weirctl_int(o, "weight_percent"))
		weirctl_table_add(t, WEIRCTL_WARN, "%lld%% of %g", weirctl_int(o, "weight_percent"),
				  weirctl_real(o, "weight"));
	else
		weirctl_table_add(t, WEIRCTL_PLAIN, "%g", weirctl_real(o, "weight"));
	if (all)
		weirctl_table_add(t, WEIRCTL_PLAIN, "%.1f%%", 100 * (double)mine / (double)all);
	else /* the pool serves nothing now */
		weirctl_table_add(t, WEIRCTL_PLAIN, "-");
	add_state(t, o);
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_rtt(weirctl_int(o, "rtt_us"), text));
	add_open(t, o);
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s",
			  weirctl_count(weirctl_int(o, "connections"), text));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_count(weirctl_int(o, "packets"), text));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_bytes(weirctl_int(o, "bytes"), text));
}

static void print_monitor(const json_t *pool)
{
	if (json_is_string(json_object_get(pool, "monitor_group")))
		weirctl_say(stdout, ", monitor group %s", weirctl_str(pool, "monitor_group"));
	else if (json_is_null(json_object_get(pool, "monitor")))
		printf(", no monitor");
	else
		weirctl_say(stdout, ", monitor %s", weirctl_str(pool, "monitor"));
}

/* What does not follow from the states of its origins. */
static void print_remarks(const json_t *pool, bool colour)
{
	char *forced = by_hand(pool);
	const char *note = json_string_value(json_object_get(pool, "note"));

	for (int i = 0; i < 2; i++) {
		const char *text = i ? note : forced;

		if (!text || !*text)
			continue;
		printf("  ");
		weirctl_put(WEIRCTL_BAD, colour, text);
		putchar('\n');
	}
	free(forced);
}

static void print_pool(const json_t *s, const json_t *pool, bool colour)
{
	const json_t *origins = json_object_get(pool, "origins"), *o;
	const char *state = no(pool, "enabled") ? "disabled" : weirctl_str(pool, "state");
	struct weirctl_table t;
	long long all;
	json_t *rows = count_rows(s, pool, &all);
	size_t i;

	printf("\nPOOL ");
	weirctl_put(WEIRCTL_PLAIN, colour, weirctl_str(pool, "name"));
	printf(" (");
	weirctl_put(WEIRCTL_PLAIN, colour, weirctl_str(pool, "id"));
	printf("): ");
	weirctl_put(of_state(state), colour, state);
	printf(", %lld of %zu healthy, needs %lld", weirctl_int(pool, "healthy"),
	       json_array_size(origins), weirctl_int(pool, "minimum_origins"));
	if (weirctl_int(pool, "quorum"))
		printf(" and %lld%% of the weight", weirctl_int(pool, "quorum"));
	print_monitor(pool);
	putchar('\n');
	print_remarks(pool, colour);
	weirctl_table_init(&t, TITLES("<NAME", "<ADDRESS", ">WEIGHT", ">SHARE", "<STATE", ">SINCE",
				      "<REASON", ">RTT", ">OPEN", ">CONNECTIONS", ">PACKETS",
				      ">BYTES"));
	json_array_foreach(origins, i, o) add_origin(&t, rows, all, o);
	weirctl_table_print(&t, colour);
	json_decref(rows);
}

static void print_reasons(const json_t *reasons, bool colour)
{
	struct weirctl_table t;
	const json_t *r;
	char text[WEIRCTL_NUMBER];
	size_t i;

	weirctl_table_init(&t, TITLES("<", "<REASON", ">PACKETS", ">BYTES", "<MEANING"));
	json_array_foreach(reasons, i, r)
	{
		if (!weirctl_int(r, "packets"))
			continue;
		weirctl_table_add(&t, WEIRCTL_BAD, "%s", weirctl_yes(r, "drop") ? "DROP" : "");
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(r, "reason"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s",
				  weirctl_count(weirctl_int(r, "packets"), text));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s",
				  weirctl_bytes(weirctl_int(r, "bytes"), text));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(r, "text"));
	}
	if (t.n)
		weirctl_table_print(&t, colour);
	else
		puts("  none yet");
}

static void print_dns(const json_t *dns, bool colour)
{
	const json_t *at;
	size_t i;

	printf("\nDNS on ");
	json_array_foreach(json_object_get(dns, "listen"), i, at)
	{
		const char *text = json_string_value(at);

		weirctl_say(stdout, "%s%s", i ? ", " : "", text ? text : "-");
	}
	fputs(i ? "" : "no address", stdout);
	json_array_foreach(json_object_get(dns, "tls_listen"), i, at)
	{
		const char *text = json_string_value(at);

		weirctl_say(stdout, "%s%s", i ? ", " : ", TLS on ", text ? text : "-");
	}
	putchar('\n');
	printf("  UDP %lld queries, %lld answers; TCP %lld queries, %lld answers on %lld "
	       "connections and %lld with TLS; %lld answers could not be sent\n",
	       weirctl_int(dns, "udp_queries"), weirctl_int(dns, "udp_answers"),
	       weirctl_int(dns, "tcp_queries"), weirctl_int(dns, "tcp_answers"),
	       weirctl_int(dns, "tcp_connections"), weirctl_int(dns, "tls_connections"),
	       weirctl_int(dns, "send_errors"));
	print_reasons(json_object_get(dns, "filter"), colour);
}

static void print_status(const json_t *s, bool colour)
{
	const json_t *pool;
	size_t i;

	print_header(s, colour);
	if (json_array_size(json_object_get(s, "services")))
		print_services(s, colour);
	if (json_array_size(json_object_get(s, "load_balancers")))
		print_load_balancers(s, colour);
	json_array_foreach(json_object_get(s, "pools"), i, pool) print_pool(s, pool, colour);
	print_title("PACKETS");
	print_reasons(json_object_get(s, "packets"), colour);
	print_dns(json_object_get(s, "dns"), colour);
}

int weirctl_status(struct weirctl *ctl)
{
	int exit_status;
	json_t *status = weirctl_fetch(ctl, WEIR_API_STATUS, &exit_status);

	return weirctl_show(ctl, status, exit_status, print_status);
}
