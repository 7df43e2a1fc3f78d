/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_trace.c - where a flow goes and why, in a few lines. */
#include "weirctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/api.h"

#define NAME 320

/* "fra-1 (203.0.113.11)", for an endpoint of the answer, or "nobody". */
static const char *name_of(const json_t *endpoint, char out[NAME])
{
	char place[WEIRCTL_PLACE];

	if (!json_is_object(endpoint))
		snprintf(out, NAME, "nobody");
	else if (json_is_string(json_object_get(endpoint, "origin")))
		snprintf(out, NAME, "%.200s (%s)%s", weirctl_str(endpoint, "origin"),
			 weirctl_place(endpoint, place),
			 weirctl_yes(endpoint, "draining") ? ", which drains" : "");
	else
		snprintf(out, NAME, "%s, which no pool has any more",
			 weirctl_place(endpoint, place));
	return out;
}

static const char *kind(const json_t *flow)
{
	const char *flags = weirctl_str(flow, "flags");

	if (json_is_string(json_object_get(flow, "quic_id")))
		return "a QUIC packet with a connection id";
	if (strcmp(flags, "syn") == 0)
		return "its first packet (SYN)";
	return strcmp(flags, "ack") == 0 ? "a packet in the middle of the flow" : "a datagram";
}

static void print_service(const json_t *trace)
{
	const json_t *s = json_object_get(trace, "service");

	if (!json_is_object(s)) {
		puts("  service   none");
		return;
	}
	weirctl_say(stdout, "  service   %s port %lld of %s, load balancer %s",
		    weirctl_str(s, "protocol"), weirctl_int(s, "port"), weirctl_str(s, "vip"),
		    weirctl_str(s, "load_balancer"));
	if (weirctl_yes(s, "quic") &&
	    !json_is_string(json_object_get(json_object_get(trace, "flow"), "quic_id")))
		fputs("\n            of QUIC: packets whose connection id names a server go there "
		      "(--quic-id)",
		      stdout);
	putchar('\n');
}

/* Which table its client uses, where clients are told apart. */
static void print_way(const json_t *trace)
{
	const json_t *w = json_object_get(trace, "way");

	if (!json_is_object(w))
		return;
	weirctl_say(stdout, "  way       class %lld (location %lld%s), slice %lld of 1024: ",
		    weirctl_int(w, "class"), weirctl_int(w, "location"),
		    weirctl_yes(w, "moving") ? ", where it was not before" : "",
		    weirctl_int(w, "slice"));
	if (weirctl_yes(w, "at_rest"))
		weirctl_say(stdout, "all flows use the table at %lld",
			    weirctl_int(json_object_get(w, "current"), "base"));
	else
		weirctl_say(stdout, "new flows%s use the table at %lld, older ones that at %lld",
			    weirctl_yes(w, "sessions") ? " of all clients" : "",
			    weirctl_int(json_object_get(w, "current"), "base"),
			    weirctl_int(json_object_get(w, "previous"), "base"));
	putchar('\n');
}

static void print_row(const json_t *trace)
{
	const json_t *row = json_object_get(trace, "row");
	char current[NAME], previous[NAME];

	if (!json_is_object(row))
		return;
	name_of(json_object_get(row, "current"), current);
	name_of(json_object_get(row, "previous"), previous);
	weirctl_say(stdout, "  row       %lld of %lld ", weirctl_int(row, "index"),
		    weirctl_int(json_object_get(trace, "table"), "rows"));
	if (weirctl_yes(row, "at_rest"))
		weirctl_say(stdout, "is at rest: new and older flows go to %s", current);
	else if (strcmp(weirctl_str(json_object_get(trace, "service"), "protocol"), "udp") != 0)
		weirctl_say(stdout, "has changed: new flows go to %s, older ones to %s", current,
			    previous);
	else
		weirctl_say(stdout,
			    "has changed from %s to %s: datagrams of flows that were not seen "
			    "since go to %s",
			    previous, current,
			    strcmp(weirctl_str(row, "datagrams"), "current") == 0 ? current
										  : previous);
	putchar('\n');
}

static void print_record(const json_t *trace)
{
	const json_t *r = json_object_get(trace, "record");
	char name[NAME];

	if (!json_is_object(r))
		return;
	if (weirctl_yes(r, "found"))
		weirctl_say(stdout, "  record    this flow was seen since, and went to %s",
			    name_of(json_object_get(r, "endpoint"), name));
	else
		weirctl_say(stdout, "  record    none: this flow was not seen since");
	putchar('\n');
}

/* Of a new flow that is counted: why it goes to its row's endpoint, or does not. */
static void print_connections(const json_t *trace)
{
	const json_t *c = json_object_get(trace, "connections");
	long long open = weirctl_int(c, "open"), most = weirctl_int(c, "max_conn");
	char name[NAME];

	if (!json_is_object(c))
		return;
	name_of(json_object_get(json_object_get(trace, "row"), "current"), name);
	weirctl_say(stdout, "  open      %lld connections to %s", open, name);
	if (most)
		printf(", which takes %lld", most);
	if (weirctl_int(c, "other_row"))
		printf("; asked in the end: other row %lld", weirctl_int(c, "other_row"));
	putchar('\n');
}

static void print_endpoint(const json_t *trace)
{
	const json_t *e = json_object_get(trace, "endpoint");
	char name[NAME];

	if (!json_is_object(e))
		return;
	weirctl_say(stdout, "  endpoint  %s", name_of(e, name));
	if (json_is_string(json_object_get(e, "pool")))
		weirctl_say(stdout, " of pool %s", weirctl_str(e, "pool"));
	weirctl_say(stdout, ", by %s", weirctl_str(e, "forwarding"));
	if (json_is_string(json_object_get(e, "interface")))
		weirctl_say(stdout, " on %s to %s", weirctl_str(e, "interface"),
			    weirctl_str(e, "mac"));
	else
		weirctl_say(stdout, ", no next hop is known");
	putchar('\n');
}

static void print_translated(const json_t *trace)
{
	const json_t *t = json_object_get(trace, "translated");

	if (!json_is_object(t))
		return;
	weirctl_say(stdout, "  leaves    from %s to %s", weirctl_str(t, "source"),
		    weirctl_str(t, "destination"));
	putchar('\n');
}

static void print_trace(const json_t *trace, bool colour)
{
	const json_t *flow = json_object_get(trace, "flow");
	const char *action = weirctl_str(trace, "action");

	weirctl_say(stdout, "%s %s to %s, %s", weirctl_str(flow, "protocol"),
		    weirctl_str(flow, "source"), weirctl_str(flow, "destination"), kind(flow));
	putchar('\n');
	print_service(trace);
	print_way(trace);
	print_row(trace);
	print_record(trace);
	print_connections(trace);
	print_endpoint(trace);
	print_translated(trace);
	printf("  ");
	weirctl_put(strcmp(action, "drop") == 0      ? WEIRCTL_BAD
		    : strcmp(action, "forward") == 0 ? WEIRCTL_GOOD
						     : WEIRCTL_PLAIN,
		    colour, action);
	weirctl_say(stdout, "%*s%s (%s)", (int)(strlen(action) < 10 ? 10 - strlen(action) : 1), "",
		    weirctl_str(trace, "text"), weirctl_str(trace, "reason"));
	putchar('\n');
}

int weirctl_trace(struct weirctl *ctl)
{
	char *path = strdup(WEIR_API_TRACE);
	json_t *trace;
	int status;

	if (!path)
		abort();
	path = weirctl_ask(path, "src", ctl->args[0]);
	path = weirctl_ask(path, "dst", ctl->args[1]);
	path = weirctl_ask(path, "proto", ctl->args[2]);
	if (ctl->option[WEIRCTL_SYN])
		path = weirctl_ask(path, "flags", "syn");
	if (ctl->option[WEIRCTL_QUIC_ID])
		path = weirctl_ask(path, "quic_id", ctl->option[WEIRCTL_QUIC_ID]);
	trace = weirctl_fetch(ctl, path, &status);
	free(path);
	return weirctl_show(ctl, trace, status, print_trace);
}
