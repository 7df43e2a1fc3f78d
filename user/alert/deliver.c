/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deliver.c - a receiver is a webhook that something is for; its lanes are ready, wait for their
 * time, or have their first letter under way. */
#include "alert/deliver.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "loop/multi.h"
#include "base/mem.h"
#include "weir/api.h"

#define TIMEOUT_MS      10000L
#define CONNECT_MS      5000L
#define KEPT            16L   /* connections */
#define ANSWER_MAX      65536 /* bytes, headers included; what is said is not read */
#define FIRST_AGAIN_MS  1000u
#define AGAIN_MAX_MS    300000u
#define DAY_MS          86400000u
#define FLIGHTS_MAX     32u /* at a time; of one receiver: */
#define RECEIVER_FLIGHT 4u

struct letter {
	STAILQ_ENTRY(letter) next;
	uint64_t id, posted_ms;
	char *body;
	bool once;
};

struct lane {
	TAILQ_ENTRY(lane) link; /* of ready or waiting; in none of them while under way */
	STAILQ_HEAD(, letter) letters;
	struct receiver *receiver;
	uint64_t due_ms; /* while it waits, by the loop's clock */
	unsigned failed; /* in a row */
	char name[];
};

TAILQ_HEAD(lanes, lane);

struct receiver {
	TAILQ_ENTRY(receiver) link;
	struct lanes ready, waiting;
	void *by_name; /* of lanes, for tsearch(3) */
	unsigned flights, n_lanes;
	char webhook[];
};

/* A place for an attempt; kept and used again. */
struct flight {
	struct weir_deliver *deliver;
	SLIST_ENTRY(flight) link; /* of those that are free */
	LIST_ENTRY(flight) flying;
	struct lane *lane;
	CURL *easy;
	struct curl_slist *headers;
	size_t answered; /* bytes */
};

struct weir_deliver {
	uv_timer_t timer; /* first: for the first lane whose time comes */
	struct weir_deliver_calls calls;
	struct weir_watches *watches;
	struct weir_multi *multi;
	TAILQ_HEAD(, receiver) receivers;
	SLIST_HEAD(, flight) free;
	LIST_HEAD(, flight) flying;
	unsigned flights;
	bool pumping; /* what is called then may send */
};

#define set(flight, option, value)                                                                \
	do {                                                                                      \
		CURLcode rc_ = curl_easy_setopt((flight)->easy, option, value);                   \
		assert(rc_ == CURLE_OK); /* else no memory, or another libcurl than built with */ \
	} while (0)

static uint64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- receivers and their lanes --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct lane *)a)->name, ((const struct lane *)b)->name);
}

static struct receiver *receiver_of(struct weir_deliver *d, const char *webhook)
{
	struct receiver *r;

	TAILQ_FOREACH(r, &d->receivers, link)
	if (strcmp(r->webhook, webhook) == 0)
		return r;
	r = weir_alloc(1, sizeof(*r) + strlen(webhook) + 1);
	strcpy(r->webhook, webhook);
	TAILQ_INIT(&r->ready);
	TAILQ_INIT(&r->waiting);
	TAILQ_INSERT_TAIL(&d->receivers, r, link);
	return r;
}

static struct lane *lane_of(struct receiver *r, const char *name)
{
	struct lane *l = weir_alloc(1, sizeof(*l) + strlen(name) + 1), **found;

	strcpy(l->name, name);
	found = tsearch(l, &r->by_name, by_name);
	assert(found);
	if (*found != l) {
		free(l);
		return *found;
	}
	STAILQ_INIT(&l->letters);
	l->receiver = r;
	r->n_lanes++;
	TAILQ_INSERT_TAIL(&r->ready, l, link);
	return l;
}

/* It has nothing any more, and is in no list. */
static void lane_free(struct lane *l)
{
	tdelete(l, &l->receiver->by_name, by_name);
	l->receiver->n_lanes--;
	free(l);
}

static void receiver_free(struct weir_deliver *d, struct receiver *r)
{
	TAILQ_REMOVE(&d->receivers, r, link);
	free(r);
}

static void drop_first(struct lane *l)
{
	struct letter *first = STAILQ_FIRST(&l->letters);

	STAILQ_REMOVE_HEAD(&l->letters, next);
	free(first->body);
	free(first);
}

/* --- when --- */

static void pump(struct weir_deliver *d);

static void arm(struct weir_deliver *d);

static void on_due(uv_timer_t *timer)
{
	struct weir_deliver *d = (struct weir_deliver *)timer;
	uint64_t now = uv_now(timer->loop);
	struct receiver *r;
	struct lane *l, *next;

	TAILQ_FOREACH(r, &d->receivers, link)
	for (l = TAILQ_FIRST(&r->waiting); l; l = next) {
		next = TAILQ_NEXT(l, link);
		if (l->due_ms > now)
			continue;
		TAILQ_REMOVE(&r->waiting, l, link);
		TAILQ_INSERT_TAIL(&r->ready, l, link);
	}
	pump(d);
	arm(d);
}

static void arm(struct weir_deliver *d)
{
	uint64_t now = uv_now(d->timer.loop), due = UINT64_MAX;
	struct receiver *r;
	struct lane *l;

	TAILQ_FOREACH(r, &d->receivers, link)
	TAILQ_FOREACH(l, &r->waiting, link)
	due = l->due_ms < due ? l->due_ms : due;
	if (due == UINT64_MAX)
		uv_timer_stop(&d->timer);
	else
		uv_timer_start(&d->timer, on_due, due > now ? due - now : 0, 0);
}

static void wait_for_time(struct weir_deliver *d, struct lane *l)
{
	uint64_t wait = AGAIN_MAX_MS;

	if (l->failed < 9)
		wait = FIRST_AGAIN_MS << l->failed < AGAIN_MAX_MS ? FIRST_AGAIN_MS << l->failed
								  : AGAIN_MAX_MS;
	l->failed++;
	l->due_ms = uv_now(d->timer.loop) + wait;
	TAILQ_INSERT_TAIL(&l->receiver->waiting, l, link);
	arm(d);
}

/* Who takes something is up again. */
static void all_are_ready(struct weir_deliver *d, struct receiver *r)
{
	struct lane *l;

	if (TAILQ_EMPTY(&r->waiting))
		return;
	TAILQ_FOREACH(l, &r->waiting, link)
	l->failed = 0;
	TAILQ_CONCAT(&r->ready, &r->waiting, link);
	arm(d);
}

/* --- an attempt --- */

static size_t on_answer(char *data, size_t size, size_t n, void *arg)
{
	struct flight *f = arg;

	(void)data;
	f->answered += size * n;
	return f->answered > ANSWER_MAX ? 0 : size * n; /* 0 ends the transfer */
}

static struct flight *flight_take(struct weir_deliver *d)
{
	struct flight *f = SLIST_FIRST(&d->free);

	if (f) {
		SLIST_REMOVE_HEAD(&d->free, link);
	} else {
		f = weir_new(struct flight);
		f->deliver = d;
		f->easy = curl_easy_init();
		assert(f->easy);
	}
	f->answered = 0;
	LIST_INSERT_HEAD(&d->flying, f, flying);
	d->flights++;
	return f;
}

static void flight_give(struct flight *f)
{
	struct weir_deliver *d = f->deliver;

	curl_easy_reset(f->easy);
	curl_slist_free_all(f->headers);
	f->headers = NULL;
	f->lane = NULL;
	LIST_REMOVE(f, flying);
	SLIST_INSERT_HEAD(&d->free, f, link);
	d->flights--;
}

static void add_header(struct flight *f, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 3;
	char *line = weir_alloc(size, 1);
	struct curl_slist *l;

	snprintf(line, size, "%s: %s", name, value);
	l = curl_slist_append(f->headers, line);
	assert(l);
	f->headers = l;
	free(line);
}

static void set_limits(struct flight *f)
{
	set(f, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	set(f, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	set(f, CURLOPT_NOSIGNAL, 1L);
	set(f, CURLOPT_QUICK_EXIT, 1L); /* the loop does not wait for a resolver's thread */
	set(f, CURLOPT_PROTOCOLS_STR, "http,https");
	set(f, CURLOPT_FOLLOWLOCATION, 0L);
	set(f, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	set(f, CURLOPT_HEADERFUNCTION, on_answer);
	set(f, CURLOPT_HEADERDATA, f);
	set(f, CURLOPT_WRITEFUNCTION, on_answer);
	set(f, CURLOPT_WRITEDATA, f);
}

static void fly(struct weir_deliver *d, struct lane *l, const char *url, const char *secret)
{
	const struct letter *first = STAILQ_FIRST(&l->letters);
	struct flight *f = flight_take(d);

	f->lane = l;
	l->receiver->flights++;
	add_header(f, "Content-Type", "application/json");
	if (secret && *secret)
		add_header(f, "cf-webhook-auth", secret);
	add_header(f, "Expect", ""); /* no pause before the body */
	set_limits(f);
	set(f, CURLOPT_URL, url);
	set(f, CURLOPT_HTTPHEADER, f->headers);
	set(f, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(first->body));
	set(f, CURLOPT_POSTFIELDS, first->body);
	set(f, CURLOPT_PRIVATE, f);
	weir_multi_add(d->multi, f->easy);
}

/* The first letter of a lane that is in no list: what became of it, and of the lane. */
static void settle(struct weir_deliver *d, struct lane *l, enum weir_outcome outcome, bool tried,
		   const char *why)
{
	struct receiver *r = l->receiver;
	struct weir_delivery said = { .id = STAILQ_FIRST(&l->letters)->id,
				      .webhook = r->webhook,
				      .outcome = outcome,
				      .tried = tried,
				      .once = STAILQ_FIRST(&l->letters)->once,
				      .why = why };

	d->calls.result(d->calls.arg, &said);
	if (outcome == WEIR_NOT_YET) {
		wait_for_time(d, l);
		return;
	}
	drop_first(l);
	if (outcome == WEIR_TAKEN) {
		l->failed = 0;
		all_are_ready(d, r);
	}
	if (STAILQ_EMPTY(&l->letters))
		lane_free(l);
	else
		TAILQ_INSERT_TAIL(&r->ready, l, link);
}

/* A lane that is in no list: its first letter is under way, or will never be. */
static void try_first(struct weir_deliver *d, struct lane *l)
{
	const char *url, *secret = NULL;

	if (!d->calls.where(d->calls.arg, l->receiver->webhook, &url, &secret))
		settle(d, l, WEIR_GIVEN_UP, false, "there is no such webhook any more");
	else if (wall_ms() > STAILQ_FIRST(&l->letters)->posted_ms + DAY_MS)
		settle(d, l, WEIR_GIVEN_UP, false, "nobody took it for a day");
	else if (secret && strpbrk(secret, "\r\n"))
		settle(d, l, WEIR_GIVEN_UP, false, "its secret holds an end of line");
	else
		fly(d, l, url, secret);
}

static void pump(struct weir_deliver *d)
{
	struct receiver *r, *next;
	struct lane *l;

	if (d->pumping)
		return;
	d->pumping = true;
	for (r = TAILQ_FIRST(&d->receivers); r; r = next) {
		while (d->flights < FLIGHTS_MAX && r->flights < RECEIVER_FLIGHT &&
		       (l = TAILQ_FIRST(&r->ready))) {
			TAILQ_REMOVE(&r->ready, l, link);
			try_first(d, l);
		}
		next = TAILQ_NEXT(r, link);
		if (!r->n_lanes)
			receiver_free(d, r);
	}
	d->pumping = false;
}

/* Receivers take turns when there are no places for all of them. */
static void to_the_end(struct weir_deliver *d, struct receiver *r)
{
	TAILQ_REMOVE(&d->receivers, r, link);
	TAILQ_INSERT_TAIL(&d->receivers, r, link);
}

static void on_done(void *arg, CURL *easy, CURLcode result)
{
	struct weir_deliver *d = arg;
	struct flight *f;
	struct lane *l;
	char why[128];
	long status = 0;
	bool taken;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&f);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (result == CURLE_WRITE_ERROR && f->answered > ANSWER_MAX)
		result = CURLE_OK; /* cut off by us: its status is known */
	taken = result == CURLE_OK && status >= 200 && status < 300;
	if (result == CURLE_OK)
		snprintf(why, sizeof(why), "the answer was %ld", status);
	else
		snprintf(why, sizeof(why), "%s", curl_easy_strerror(result));
	l = f->lane;
	flight_give(f);
	l->receiver->flights--;
	to_the_end(d, l->receiver);
	settle(d, l,
	       taken                             ? WEIR_TAKEN
	       : STAILQ_FIRST(&l->letters)->once ? WEIR_GIVEN_UP
						 : WEIR_NOT_YET,
	       true, why);
	pump(d);
}

/* --- beginning and end --- */

int weir_deliver_open(uv_loop_t *loop, const struct weir_deliver_calls *calls,
		      struct weir_deliver **out)
{
	struct weir_deliver *d = weir_new(struct weir_deliver);
	int err = weir_watches_open(loop, &d->watches);

	if (!err)
		err = weir_multi_open(loop, d->watches, KEPT, on_done, d, &d->multi);
	if (err) {
		if (d->watches)
			weir_watches_close(d->watches);
		free(d);
		return err;
	}
	d->calls = *calls;
	TAILQ_INIT(&d->receivers);
	SLIST_INIT(&d->free);
	LIST_INIT(&d->flying);
	uv_timer_init(loop, &d->timer);
	*out = d;
	return 0;
}

static void empty(struct lane *l)
{
	while (!STAILQ_EMPTY(&l->letters))
		drop_first(l);
	lane_free(l);
}

static void empty_all(struct lanes *lanes)
{
	struct lane *l;

	while ((l = TAILQ_FIRST(lanes))) {
		TAILQ_REMOVE(lanes, l, link);
		empty(l);
	}
}

static void on_closed(uv_handle_t *h)
{
	free(h);
}

void weir_deliver_close(struct weir_deliver *d)
{
	struct receiver *r;
	struct flight *f;

	if (!d)
		return;
	while ((f = LIST_FIRST(&d->flying))) {
		weir_multi_remove(d->multi, f->easy);
		empty(f->lane);
		flight_give(f);
	}
	while ((f = SLIST_FIRST(&d->free))) {
		SLIST_REMOVE_HEAD(&d->free, link);
		curl_easy_cleanup(f->easy);
		free(f);
	}
	while ((r = TAILQ_FIRST(&d->receivers))) {
		empty_all(&r->ready);
		empty_all(&r->waiting);
		receiver_free(d, r);
	}
	weir_multi_close(d->multi);
	weir_watches_close(d->watches);
	uv_close((uv_handle_t *)&d->timer, on_closed);
}

void weir_deliver_send(struct weir_deliver *d, const struct weir_letter *letter)
{
	struct lane *l = lane_of(receiver_of(d, letter->webhook), letter->lane);
	struct letter *new = weir_new(struct letter);

	new->id = letter->id;
	new->posted_ms = letter->posted_ms;
	new->once = letter->once;
	new->body = strdup(letter->body);
	assert(new->body);
	STAILQ_INSERT_TAIL(&l->letters, new, next);
	pump(d);
}
