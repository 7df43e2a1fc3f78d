/* SPDX-License-Identifier: GPL-2.0-or-later */
/* abi_live.h - the part of abi.h, which includes it, that is about endpoints as live traffic shows
 * them: services with WEIR_SERVICE_WATCH. The same rules, and WEIR_ABI, hold for it. */
#ifndef WEIR_ABI_LIVE_H
#define WEIR_ABI_LIVE_H

#define WEIR_SYN_BUCKETS       16384 /* a power of two, of WEIR_SYN_WAYS flows each: 1 MiB */
#define WEIR_SYN_WAYS          4
#define WEIR_BEGUN             4096  /* handshakes of the sample that have begun */
#define WEIR_HANDSHAKES        16384 /* endpoint and region of clients: 6 MiB when all are there */
#define WEIR_MAX_REGIONS       32768 /* prefixes of clients */
#define WEIR_NEWS_BYTES        65536 /* of a ring, a power of two of pages */
#define WEIR_HANDSHAKE_BUCKETS 104   /* the last one begins at 117 s */

/* The last SYN of a flow of a service with WEIR_SERVICE_WATCH. Written and read by the packet path
 * only. */
struct weir_syn {
	__u32 tag;  /* of the flow, beyond what chose the place */
	__u32 seq;  /* of the segment */
	__u32 at;   /* when it was last sent: weir_live's clock */
	__u32 slot; /* where to | WEIR_SYN_* */
};
struct weir_syn_bucket {
	struct weir_syn way[WEIR_SYN_WAYS];
};
#define WEIR_SYN_AGAIN    0x80000000u /* it came more than once */
#define WEIR_SYN_ANSWERED 0x40000000u /* and its handshake ended: of flows in the sample */
#define WEIR_SYN_SAMPLE   32          /* of so many flows one is in the sample, by its hash */
#define WEIR_SYN_RTO_MS   200         /* what comes again sooner is a copy that the network made */
#define WEIR_SYN_LIFE_S   64          /* what comes again later begins a flow */

/* When a handshake of the sample began, by the flow's tag / WEIR_SYN_SAMPLE. */
struct weir_begun {
	__u32 tag;
	__u32 at; /* in units of 1,024 ns (they wrap) */
};

/* What the clients of an endpoint say of it, in services with WEIR_SERVICE_WATCH. By slot; counters
 * wrap. Its clock counts jiffies and wraps after 50 days or more: what is that old may look new for
 * a moment, and then nobody is suspected. Written by the packet path, zeroed by
 * user/dataplane/endpoints.c for a new owner. */
struct weir_live {
	__u32 syns;        /* each flow once */
	__u32 again;       /* flows of them whose SYN came again */
	__u32 answered;    /* flows in the sample whose handshake ended */
	__u32 unanswered;  /* whose SYN came again or was refused, since the last answer */
	__u32 again_at;    /* when that was last */
	__u32 answered_at; /* the same for answered */
	__u32 told_at;     /* when the agent was last told */
	__u32 moved;       /* SYNs that were sent to another endpoint */
	__u32 refused;     /* SYNs that it answered with RST, where replies come by here, and
			    * packets that ICMP errors say it did not get: written by the agent, too */
	__u32 pad[7];
};
#define WEIR_SUSPECT         3    /* so many unanswered make an endpoint suspected */
#define WEIR_SUSPECT_MS      3000 /* if no more time than this is between two of them */
#define WEIR_SUSPECT_S       64   /* and it stays so for this time after the last */
#define WEIR_SUSPECT_MUTE_MS 500  /* and nothing was answered for this long */
#define WEIR_SECOND_TRIES    16   /* other rows that are looked at for another endpoint */
#define WEIR_TELL_MS         100  /* the agent is told once in this time of the same endpoint */

/* What the agent is told at once, through a ring: this slot is suspected. */
struct weir_news {
	__u32 slot;
};

/* How long handshakes took, from the SYN to the segment that ends it, as the balancer saw them. By
 * endpoint slot and region of the client; only of flows in the sample whose SYN came once. */
struct weir_handshake_key {
	__u32 slot;
	__u32 region; /* 0: of no prefix */
};
struct weir_handshakes {
	__u32 n[WEIR_HANDSHAKE_BUCKETS]; /* by weir_handshake_bucket(); they wrap */
};
struct weir_region_key {
	__u32 bits; /* of what follows: 32 and those of the prefix */
	__u32 pad;
	union weir_addr addr;
};

/* Four buckets to an octave: the time's highest bit and the two behind it. */
static inline __u32 weir_handshake_bucket(__u32 us)
{
	__u32 high = 0, at;

	for (__u32 step = 16; step; step /= 2)
		if (us >> high >> step)
			high += step;
	at = high < 2 ? us : (high - 1) * 4 + (us >> (high - 2) & 3);
	return at < WEIR_HANDSHAKE_BUCKETS ? at : WEIR_HANDSHAKE_BUCKETS - 1;
}

_Static_assert(sizeof(struct weir_region_key) == 24, "weir_region_key");
_Static_assert(sizeof(struct weir_live) == 64, "one cache line");
_Static_assert(sizeof(struct weir_syn_bucket) == 64, "one cache line");

#endif
