/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - sockets that live for one probe, behind a single handle of the loop: an epoll instance
 * of their own, for a uv_poll_t each costs four more system calls and outlives its socket. On the
 * loop's thread only. */
#ifndef WEIR_LOOP_WATCH_H
#define WEIR_LOOP_WATCH_H

#include <stdint.h>
#include <sys/epoll.h>
#include <uv.h>

struct weir_watches;
struct weir_watch;

/* events of EPOLLIN, EPOLLOUT, EPOLLERR and EPOLLHUP. May end any watch and begin others. */
typedef void weir_watch_fn(struct weir_watch *w, uint32_t events);

/* The caller's, who sets fd and fn. */
struct weir_watch {
	weir_watch_fn *fn;
	int fd;
	uint32_t events; /* that are watched; 0: not begun */
};

/* *out is the caller's: weir_watches_close(). 0 or a negative errno. */
int weir_watches_open(uv_loop_t *loop, struct weir_watches **out);

/* No watch may be left. Needs uv_run() for the handle to close. */
void weir_watches_close(struct weir_watches *s);

/* Begins, or goes on with other events. EPOLLERR and EPOLLHUP need not be asked for. */
void weir_watch(struct weir_watches *s, struct weir_watch *w, uint32_t events);

/* Ends; the socket is the caller's to close afterwards. */
void weir_watch_end(struct weir_watches *s, struct weir_watch *w);

#endif
