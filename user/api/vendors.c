/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vendors.c - the facades there are. */
#include "api/api_impl.h"

/* The longest prefix first. */
const struct api_vendor *const api_vendors[] = {
	&api_weir, &api_cloudflare, &api_dnsimple, &api_fastly, NULL,
};
