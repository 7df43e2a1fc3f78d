/* SPDX-License-Identifier: GPL-2.0-or-later */
/* health_world.h - a model, the health of its origins and a clock that tests set. */
#ifndef WEIR_TESTS_HEALTH_WORLD_H
#define WEIR_TESTS_HEALTH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/view.h"
#include "model/yaml.h"

#define WALL 1700000000000ull /* where the wall clock is ahead of the steady one */

struct world {
	struct weir_model *model;
	struct weir_health *health;
	struct weir_arena *arena;
	const struct weir_view *view;
	uint64_t now_ms; /* by the steady clock */
};

/* NULL: err says why. */
static inline struct weir_model *parse(const char *text, struct weir_err *err)
{
	struct weir_model *m = NULL;
	struct weir_lines *lines;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, err))
		fail_msg("not YAML: %u:%u %s", err->line, err->column, err->text);
	weir_model_parse(v, &m, err);
	json_decref(v);
	weir_lines_free(lines);
	return m;
}

/* Documents that must be refused: where, in which words. */
struct refusal {
	const char *text, *path, *fragment;
};

static inline void refused(const struct refusal *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct weir_err err = { 0 };

		if (parse(all[i].text, &err))
			fail_msg("accepted: %s", all[i].text);
		if (strcmp(err.path, all[i].path) || !strstr(err.text, all[i].fragment))
			fail_msg("%s: \"%s\" is not at %s or does not say \"%s\"", err.path,
				 err.text, all[i].path, all[i].fragment);
	}
}

static inline struct weir_now now_of(const struct world *w)
{
	return (struct weir_now){ .wall_ms = WALL + w->now_ms, .steady_ms = w->now_ms };
}

static inline struct world world_of(const char *text)
{
	struct world w = { .now_ms = 1000 };
	struct weir_err err;

	w.model = parse(text, &err);
	if (!w.model)
		fail_msg("%s: %s", err.path, err.text);
	w.health = weir_health_new(w.model, WALL + w.now_ms);
	return w;
}

static inline void end(struct world *w)
{
	weir_arena_free(w->arena);
	weir_model_free(w->model);
	free(w->health);
}

/* Decides anew; the decision about a pool. */
static inline const struct weir_view_pool *decided(struct world *w, uint32_t pool)
{
	weir_arena_free(w->arena);
	w->arena = weir_arena_new();
	w->view = weir_view_build(w->model, &(struct weir_facts){ .health = w->health }, w->arena);
	return &w->view->pools[pool];
}

/* A verdict of a member of the pool's monitors about an origin, by its place in the pool. True: its
 * state changed. */
static inline bool verdict(struct world *w, uint32_t pool, uint32_t origin, uint32_t member,
			   bool pass)
{
	const struct weir_pool *p = &w->model->pools[pool];
	const struct weir_verdict v = {
		.pass = pass,
		.reason = pass ? WEIR_REASON_NONE : WEIR_REASON_TCP_FAILED,
		.rtt_us = 1000 * (member + 1),
	};

	return weir_health_update(&w->health[p->origins[origin].index], p, member, &v, now_of(w));
}

/* Verdicts of the only monitor about the origins of the first pool: p passed, f failed, - none. */
static inline void verdicts(struct world *w, const char *all)
{
	for (uint32_t i = 0; all[i]; i++)
		if (all[i] != '-')
			verdict(w, 0, i, 0, all[i] == 'p');
}

/* The clock goes on by so much, and time passes for the first origin of the first pool. Returns how
 * long it is until that is to be done again, 0: it is not. */
static inline uint64_t pass_ms(struct world *w, uint64_t ms)
{
	uint64_t due = UINT64_MAX;

	w->now_ms += ms;
	weir_health_pass(&w->health[0], &w->model->pools[0], w->now_ms, &due);
	return due == UINT64_MAX ? 0 : due - w->now_ms;
}

/* Which origins of the first pool take new flows, a letter each: the first is a. */
static inline const char *taking(struct world *w, char out[27])
{
	const struct weir_view_pool *p = decided(w, 0);
	uint32_t n = 0;

	for (uint32_t i = 0; p->usable && i < p->pool->n_origins; i++)
		if (p->origins[i].takes)
			out[n++] = (char)('a' + i);
	out[n] = 0;
	return out;
}

#endif
