/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap_sink.c - what fstrm reads and writes by. Its own sockets block without end. */
#include "dns/tap_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <fstrm.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define WAIT_MS      5000 /* for the other side to take or say something */
#define WAIT_LAST_MS 1000 /* the same at the end */
#define SLICE_MS     50   /* between looks whether it is the end */
#define CONTENT      "protobuf:dnstap.Dnstap"
#define PATH_BYTES   512

struct weir_dns_tap_sink {
	const char *socket, *file;
	int fd;    /* fstrm's thread's; -1: closed */
	bool mute; /* that it cannot be opened was said */
	atomic_bool ending;
	atomic_bool open;
	_Atomic uint64_t written, dev, inode;
};

/* --- opening, on fstrm's thread --- */

/* What a run before this one has written is kept once. */
static int open_file(struct weir_dns_tap_sink *s)
{
	char old[PATH_BYTES];
	struct stat st;
	int fd;

	snprintf(old, sizeof(old), "%s.1", s->file);
	if (!lstat(s->file, &st) && S_ISREG(st.st_mode) && st.st_size && rename(s->file, old))
		return -errno;
	fd = open(s->file, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st)) {
		atomic_store(&s->dev, st.st_dev);
		atomic_store(&s->inode, st.st_ino);
	}
	return fd;
}

static int open_socket(const struct weir_dns_tap_sink *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	strncpy(to.sun_path, s->socket, sizeof(to.sun_path) - 1);
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static fstrm_res on_open(void *arg)
{
	struct weir_dns_tap_sink *s = arg;
	const char *path = s->file ? s->file : s->socket;

	s->fd = s->file ? open_file(s) : open_socket(s);
	if (s->fd >= 0) {
		if (s->mute)
			weir_info("dns: dnstap to %s again", path);
		s->mute = false;
		atomic_store(&s->open, true);
		return fstrm_res_success;
	}
	if (!s->mute)
		weir_warn("dns: no dnstap to %s: %s; trying again", path, strerror(-s->fd));
	s->mute = true;
	s->fd = -1;
	return fstrm_res_failure;
}

static fstrm_res on_close(void *arg)
{
	struct weir_dns_tap_sink *s = arg;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	atomic_store(&s->open, false);
	return fstrm_res_success;
}

static fstrm_res on_destroy(void *arg)
{
	(void)arg; /* the loop's */
	return fstrm_res_success;
}

/* --- reading and writing, on fstrm's thread --- */

/* False: the other side has had its time. */
static bool wait_for(struct weir_dns_tap_sink *s, short events)
{
	struct pollfd p = { .fd = s->fd, .events = events };

	for (int ms = 0; ms < (atomic_load(&s->ending) ? WAIT_LAST_MS : WAIT_MS); ms += SLICE_MS)
		if (poll(&p, 1, SLICE_MS) > 0)
			return true;
	return false;
}

static fstrm_res on_read(void *arg, void *to, size_t n)
{
	struct weir_dns_tap_sink *s = arg;

	for (size_t got = 0; got < n;) {
		ssize_t k = read(s->fd, (uint8_t *)to + got, n - got);

		if (k > 0)
			got += (size_t)k;
		else if (!k || (errno != EAGAIN && errno != EINTR) || !wait_for(s, POLLIN))
			return fstrm_res_failure;
	}
	return fstrm_res_success;
}

/* One buffer is fstrm's own; a message is two, its length and itself. */
static fstrm_res on_write(void *arg, const struct iovec *iov, int n)
{
	struct weir_dns_tap_sink *s = arg;
	size_t at = 0; /* written of iov[0] */

	for (int left = n; left;) {
		struct iovec first = { (uint8_t *)iov->iov_base + at, iov->iov_len - at };
		ssize_t k =
			at ? write(s->fd, first.iov_base, first.iov_len) : writev(s->fd, iov, left);

		if (k < 0 && ((errno != EAGAIN && errno != EINTR) || !wait_for(s, POLLOUT)))
			return fstrm_res_failure;
		for (at += k > 0 ? (size_t)k : 0; left && at >= iov->iov_len; iov++, left--)
			at -= iov->iov_len;
	}
	atomic_fetch_add(&s->written, (unsigned)n / 2);
	return fstrm_res_success;
}

/* --- on the loop's thread --- */

static struct fstrm_rdwr *make_rdwr(struct weir_dns_tap_sink *s)
{
	struct fstrm_rdwr *rdwr = fstrm_rdwr_init(s);

	fstrm_rdwr_set_destroy(rdwr, on_destroy);
	fstrm_rdwr_set_open(rdwr, on_open);
	fstrm_rdwr_set_close(rdwr, on_close);
	fstrm_rdwr_set_write(rdwr, on_write);
	if (s->socket) /* the other side takes part in beginning and end */
		fstrm_rdwr_set_read(rdwr, on_read);
	return rdwr;
}

struct fstrm_writer *weir_dns_tap_sink_open(const char *socket, const char *file,
					    struct weir_dns_tap_sink **out)
{
	struct weir_dns_tap_sink *s = weir_new(struct weir_dns_tap_sink);
	struct fstrm_writer_options *o = fstrm_writer_options_init();
	struct fstrm_rdwr *rdwr;
	struct fstrm_writer *writer;

	*s = (struct weir_dns_tap_sink){ .socket = socket, .file = file, .fd = -1 };
	rdwr = make_rdwr(s);
	fstrm_writer_options_add_content_type(o, CONTENT, sizeof(CONTENT) - 1);
	writer = fstrm_writer_init(o, &rdwr);
	fstrm_writer_options_destroy(&o);
	fstrm_rdwr_destroy(&rdwr); /* the writer's, if there is one */
	*out = s;
	return writer;
}

void weir_dns_tap_sink_free(struct weir_dns_tap_sink *s)
{
	free(s);
}

void weir_dns_tap_sink_end(struct weir_dns_tap_sink *s)
{
	atomic_store(&s->ending, true);
}

bool weir_dns_tap_sink_is_there(const struct weir_dns_tap_sink *s, const char *file)
{
	struct stat st;

	if (!atomic_load(&s->open))
		return true; /* it is tried again anyway */
	return !stat(file, &st) && st.st_dev == atomic_load(&s->dev) &&
	       st.st_ino == atomic_load(&s->inode);
}

void weir_dns_tap_sink_stats(const struct weir_dns_tap_sink *s, bool *open, uint64_t *written)
{
	*open = atomic_load(&s->open);
	*written = atomic_load(&s->written);
}
