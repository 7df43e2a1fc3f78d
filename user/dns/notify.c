/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.c - other servers are told that a zone is another one (RFC 1996): over UDP, again and
 * again until they answer, each time after twice as long. On the loop's thread. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/mem.h"
#include "dns/impl.h"
#include "dns/tsig.h"
#include "zone/transfer.h"

#define FIRST_MS 2000
#define TRIES    6
#define MAX_NEWS 1024 /* on their way at the same time */
#define ANSWER   512

/* One zone's news for one server. */
struct weir_dns_notice {
	struct weir_dns *d;
	struct weir_dns_notice *next;
	uv_udp_t socket;
	uv_timer_t again;
	struct weir_sockaddr to;
	uint8_t handles; /* not yet closed */
	bool closing;
	unsigned tries;
	char zone[WEIR_NAME_TEXT];
	uint8_t msg[512 + WEIR_TSIG_MAX], in[ANSWER];
	size_t len;
};

static void on_closed(uv_handle_t *h)
{
	struct weir_dns_notice *n = h->data;
	struct weir_dns *d = n->d;

	if (--n->handles)
		return;
	free(n);
	weir_dns_handle_closed(d);
}

static void end(struct weir_dns_notice *n)
{
	struct weir_dns_notice **at = &n->d->notices;

	if (n->closing)
		return;
	n->closing = true;
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	n->d->n_notices--;
	uv_close((uv_handle_t *)&n->socket, on_closed);
	uv_close((uv_handle_t *)&n->again, on_closed);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct weir_dns_notice *n = h->data;

	(void)suggested;
	*buf = uv_buf_init((char *)n->in, sizeof(n->in));
}

/* Whatever it says: it has heard. */
static void on_answer(uv_udp_t *u, ssize_t got, const uv_buf_t *buf, const struct sockaddr *from,
		      unsigned flags)
{
	struct weir_dns_notice *n = u->data;
	char text[WEIR_SOCKADDR_TEXT];

	(void)buf, (void)flags;
	if (got < 12 || !from || memcmp(n->in, n->msg, 2) != 0 || (n->in[2] & 0xf8) != 0xa0)
		return;
	if (n->in[3] & 15)
		weir_warn("zone %s: %s does not want to be told (rcode %u)", n->zone,
			  weir_sockaddr_text(&n->to, text), n->in[3] & 15);
	end(n);
}

static void on_again(uv_timer_t *t)
{
	struct weir_dns_notice *n = t->data;
	uv_buf_t buf = uv_buf_init((char *)n->msg, (unsigned)n->len);
	struct sockaddr_storage ss;
	char text[WEIR_SOCKADDR_TEXT];

	if (n->tries == TRIES) {
		weir_warn("zone %s: %s did not answer when told of it", n->zone,
			  weir_sockaddr_text(&n->to, text));
		end(n);
		return;
	}
	weir_sockaddr_native(&n->to, &ss);
	uv_udp_try_send(&n->socket, &buf, 1, (struct sockaddr *)&ss); /* else it is sent again */
	uv_timer_start(t, on_again, (uint64_t)FIRST_MS << n->tries, 0);
	n->tries++;
}

static void tell(struct weir_dns *d, const struct weir_zone_news *news,
		 const struct weir_sockaddr *to)
{
	struct weir_dns_notice *n = weir_new(struct weir_dns_notice);
	struct weir_tsig tsig;
	uint16_t id = 0;

	*n = (struct weir_dns_notice){ .d = d, .next = d->notices, .to = *to, .handles = 2 };
	d->notices = n;
	d->n_notices++;
	d->handles++;
	uv_udp_init(d->loop, &n->socket);
	uv_timer_init(d->loop, &n->again);
	n->socket.data = n->again.data = n;
	weir_name_text(news->name, n->zone);
	if (getrandom(&id, sizeof(id), 0) != sizeof(id)) {
		end(n);
		return;
	}
	n->len = weir_notify_write(news, id, n->msg);
	weir_dns_clerk_tick(&d->tcp);
	if (news->transfer->n_keys)
		n->len = weir_tsig_begin(&tsig, news->transfer->keys[0], n->msg, n->len,
					 d->tcp.now_s);
	on_again(&n->again); /* binds the socket */
	if (!n->closing)
		uv_udp_recv_start(&n->socket, on_alloc, on_answer);
}

/* The serial that was told last; a zone that is new has none. */
static bool is_news(struct weir_dns *d, const struct weir_zone_news *news)
{
	struct weir_dns_serial *s = d->serials;

	for (uint32_t i = 0; i < d->n_serials; i++, s++) {
		bool same = s->serial == news->serial;

		if (s->name_bytes != news->name_bytes ||
		    memcmp(s->name, news->name, news->name_bytes) != 0)
			continue;
		s->serial = news->serial;
		return !same;
	}
	d->serials = weir_grow(d->serials, d->n_serials + 1, sizeof(*d->serials));
	s = &d->serials[d->n_serials++];
	s->serial = news->serial;
	s->name_bytes = (uint8_t)news->name_bytes;
	memcpy(s->name, news->name, news->name_bytes);
	return true;
}

void weir_dns_notify(struct weir_dns *d, const struct weir_zones *z)
{
	struct weir_zone_news news;

	for (uint32_t i = 0; weir_zones_news(z, i, &news); i++) {
		if (!news.transfer->n_notify || !is_news(d, &news))
			continue;
		for (uint32_t k = 0; k < news.transfer->n_notify && d->n_notices < MAX_NEWS; k++)
			tell(d, &news, &news.transfer->notify[k]);
	}
}

void weir_dns_notify_end(struct weir_dns *d)
{
	while (d->notices)
		end(d->notices);
	free(d->serials);
	d->serials = NULL;
	d->n_serials = 0;
}
