/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/target.h"

#include <errno.h>
#include <stddef.h>

const char *weir_probe_reason(int err)
{
	switch (err) {
	case ECONNREFUSED:
	case ECONNABORTED:
	case EACCES: /* this and EPERM: a firewall on the way out */
	case EPERM:
		return WEIR_REASON_TCP_FAILED;
	case ETIMEDOUT:
		return WEIR_REASON_TCP_TIMEOUT;
	case EHOSTUNREACH:
	case EHOSTDOWN:
		return WEIR_REASON_NO_ROUTE;
	case ENETUNREACH:
	case ENETDOWN:
	case EAFNOSUPPORT: /* this host has no such network at all */
		return WEIR_REASON_UNREACHABLE;
	case ECONNRESET:
	case EPIPE:
		return WEIR_REASON_RESET;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EAGAIN:
	case EADDRNOTAVAIL: /* no port is left towards this endpoint */
		return NULL;
	default:
		return WEIR_REASON_OTHER;
	}
}
