/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.c - messages of dnstap, and the queues of them. Where they go to: tap_sink.c. */
#include "dns/tap.h"

#include <fstrm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/clerk.h"
#include "dns/tap_sink.h"
#include "dnstap.pb-c.h"
#include "weir/api.h"

#define SLOTS      2048 /* messages of a clerk on their way; a power of two */
#define SLOT_BYTES 1536 /* of a message: an answer over UDP, and what stands around it */
#define BATCH      256  /* messages that are written at a time */
#define VERSION    "weir " WEIR_VERSION

/* Filled by its clerk, and free again when fstrm's thread has done with it: in their order. */
struct slot {
	atomic_bool busy;
	uint8_t bytes[SLOT_BYTES];
};

struct queue {
	struct fstrm_iothr_queue *to;
	_Atomic uint64_t sampled, lost; /* messages */
	uint32_t next;
	struct slot slots[SLOTS];
};

struct weir_dns_tap {
	struct weir_dns_tap_conf conf; /* with texts of its own */
	uint32_t threshold;            /* of 32 random bits, below which a query is taken */
	bool all;
	struct fstrm_iothr *thread;
	struct weir_dns_tap_sink *sink; /* the thread's */
	uint32_t n_queues;
	struct queue *queues;
};

/* --- open and close, on the loop's thread or another --- */

static struct fstrm_iothr_options *options_for(uint32_t n)
{
	struct fstrm_iothr_options *o = fstrm_iothr_options_init();

	fstrm_iothr_options_set_num_input_queues(o, n);
	fstrm_iothr_options_set_input_queue_size(o, SLOTS);
	fstrm_iothr_options_set_queue_notify_threshold(o, SLOTS / 2);
	fstrm_iothr_options_set_output_queue_size(o, BATCH);
	fstrm_iothr_options_set_queue_model(o, FSTRM_IOTHR_QUEUE_MODEL_SPSC);
	fstrm_iothr_options_set_reopen_interval(o, FSTRM_IOTHR_REOPEN_INTERVAL_MIN);
	return o;
}

/* All signals are the loop's. */
static struct fstrm_iothr *start_thread(struct fstrm_writer **writer, uint32_t n)
{
	struct fstrm_iothr_options *o = options_for(n);
	struct fstrm_iothr *thread;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	thread = fstrm_iothr_init(o, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	fstrm_iothr_options_destroy(&o);
	return thread;
}

static char *copy(const char *s)
{
	char *to = s ? weir_alloc(1, strlen(s) + 1) : NULL;

	return s ? strcpy(to, s) : NULL;
}

struct weir_dns_tap *weir_dns_tap_open(const struct weir_dns_tap_conf *conf, uint32_t n_clerks)
{
	struct weir_dns_tap *t = weir_new(struct weir_dns_tap);
	struct fstrm_writer *writer;

	t->conf = *conf;
	t->conf.socket = copy(conf->socket);
	t->conf.file = copy(conf->file);
	t->conf.identity = copy(conf->identity);
	t->all = conf->sample == WEIR_DNS_TAP_ALL;
	t->threshold = (uint32_t)(((uint64_t)conf->sample << 32) / WEIR_DNS_TAP_ALL);
	t->n_queues = n_clerks;
	t->queues = weir_new_array(n_clerks, struct queue);
	writer = weir_dns_tap_sink_open(t->conf.socket, t->conf.file, &t->sink);
	t->thread = writer ? start_thread(&writer, n_clerks) : NULL;
	if (!t->thread) {
		fstrm_writer_destroy(&writer);
		weir_dns_tap_close(t);
		return NULL;
	}
	for (uint32_t i = 0; i < n_clerks; i++)
		t->queues[i].to = fstrm_iothr_get_input_queue_idx(t->thread, i);
	return t;
}

void weir_dns_tap_close(struct weir_dns_tap *t)
{
	if (t->thread) {
		weir_dns_tap_sink_end(t->sink);
		fstrm_iothr_destroy(&t->thread);
	}
	weir_dns_tap_sink_free(t->sink);
	free((char *)t->conf.socket);
	free((char *)t->conf.file);
	free((char *)t->conf.identity);
	free(t->queues);
	free(t);
}

static bool same(const char *a, const char *b)
{
	return !a == !b && (!a || strcmp(a, b) == 0);
}

bool weir_dns_tap_is_as(const struct weir_dns_tap *t, const struct weir_dns_tap_conf *conf)
{
	return same(t->conf.socket, conf->socket) && same(t->conf.file, conf->file) &&
	       same(t->conf.identity, conf->identity) && t->conf.sample == conf->sample &&
	       (!t->conf.file || weir_dns_tap_sink_is_there(t->sink, t->conf.file));
}

/* --- messages, on a clerk's thread --- */

bool weir_dns_tap_wants(const struct weir_dns_tap *t, uint64_t random)
{
	return t->all || (uint32_t)(random >> 32) < t->threshold;
}

static ProtobufCBinaryData bytes_of(const void *bytes, size_t len)
{
	return (ProtobufCBinaryData){ .len = len, .data = (uint8_t *)bytes };
}

static ProtobufCBinaryData address_of(const union weir_addr *a)
{
	return weir_addr_is_v4(a) ? bytes_of(a->b + 12, 4) : bytes_of(a->b, 16);
}

/* What query and answer have in common. */
static Dnstap__Message about(const struct weir_dns_tapped *q)
{
	Dnstap__Message m = DNSTAP__MESSAGE__INIT;

	m.has_socket_family = m.has_socket_protocol = 1;
	m.socket_family = weir_addr_is_v4(&q->client.addr) ? DNSTAP__SOCKET_FAMILY__INET
							   : DNSTAP__SOCKET_FAMILY__INET6;
	m.socket_protocol = (Dnstap__SocketProtocol)q->transport;
	m.has_query_address = m.has_response_address = 1;
	m.query_address = address_of(&q->client.addr);
	m.response_address = address_of(&q->server.addr);
	m.has_query_port = m.has_response_port = 1;
	m.query_port = q->client.port;
	m.response_port = q->server.port;
	m.has_query_time_sec = m.has_query_time_nsec = 1;
	m.query_time_sec = (uint64_t)q->asked.tv_sec;
	m.query_time_nsec = (uint32_t)q->asked.tv_nsec;
	return m;
}

static void slot_done(void *bytes, void *slot)
{
	(void)bytes;
	atomic_store_explicit(&((struct slot *)slot)->busy, false, memory_order_release);
}

/* Room for a message of this clerk; NULL: there is none. */
static struct slot *take_slot(struct queue *q)
{
	struct slot *s = &q->slots[q->next % SLOTS];

	if (atomic_load_explicit(&s->busy, memory_order_acquire))
		return NULL;
	q->next++;
	atomic_store_explicit(&s->busy, true, memory_order_relaxed);
	return s;
}

static bool submit(struct weir_dns_tap *t, struct queue *q, const Dnstap__Dnstap *d, bool alloc)
{
	size_t len = dnstap__dnstap__get_packed_size(d);
	struct slot *s = len <= SLOT_BYTES ? take_slot(q) : NULL;
	uint8_t *bytes;

	if (s) {
		dnstap__dnstap__pack(d, s->bytes);
		if (fstrm_iothr_submit(t->thread, q->to, s->bytes, len, slot_done, s) ==
		    fstrm_res_success)
			return true;
		slot_done(NULL, s);
	} else if (alloc && len > SLOT_BYTES) {
		bytes = weir_alloc(1, len);
		dnstap__dnstap__pack(d, bytes);
		if (fstrm_iothr_submit(t->thread, q->to, bytes, len, fstrm_free_wrapper, NULL) ==
		    fstrm_res_success)
			return true;
		free(bytes);
	}
	return false;
}

static void send_message(struct weir_dns_tap *t, struct queue *q, Dnstap__Message *m, bool alloc)
{
	Dnstap__Dnstap d = DNSTAP__DNSTAP__INIT;

	d.has_identity = d.has_version = 1;
	d.identity = bytes_of(t->conf.identity, strlen(t->conf.identity));
	d.version = bytes_of(VERSION, sizeof(VERSION) - 1);
	d.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
	d.message = m;
	weir_dns_count(&q->sampled, 1);
	if (!submit(t, q, &d, alloc))
		weir_dns_count(&q->lost, 1);
}

void weir_dns_tap_take(struct weir_dns_tap *t, uint32_t clerk, const struct weir_dns_tapped *q,
		       bool alloc)
{
	struct queue *queue = &t->queues[clerk];
	Dnstap__Message m = about(q);

	m.type = DNSTAP__MESSAGE__TYPE__AUTH_QUERY;
	m.has_query_message = 1;
	m.query_message = bytes_of(q->query, q->query_len);
	send_message(t, queue, &m, alloc);
	if (!q->answer_len)
		return;
	m.type = DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE;
	m.has_query_message = 0;
	m.has_response_time_sec = m.has_response_time_nsec = m.has_response_message = 1;
	m.response_time_sec = (uint64_t)q->answered.tv_sec;
	m.response_time_nsec = (uint32_t)q->answered.tv_nsec;
	m.response_message = bytes_of(q->answer, q->answer_len);
	send_message(t, queue, &m, alloc);
}

void weir_dns_tap_stats(const struct weir_dns_tap *t, struct weir_dns_tap_stats *out)
{
	*out = (struct weir_dns_tap_stats){ 0 };
	weir_dns_tap_sink_stats(t->sink, &out->open, &out->written);
	for (uint32_t i = 0; i < t->n_queues; i++) {
		out->sampled += weir_dns_counted(&t->queues[i].sampled);
		out->lost += weir_dns_counted(&t->queues[i].lost);
	}
}
