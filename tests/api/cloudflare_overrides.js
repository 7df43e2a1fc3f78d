// SPDX-License-Identifier: GPL-2.0-or-later
// cloudflare_overrides.js - which pools are used for some clients, how they are chosen, and what they
// weigh.
'use strict';
const { assert, check, refused } = require('./clients.js');
const { served, within } = require('./seen.js');

const { VIP, B } = process.env;
const account_id = process.env.ACCOUNT;
const IN_TIME = 500; // ms: ten times what it should take

// Pools and weights of one rule, in packets, in references and word for word in the answer.
async function overrides(cf, raw, { zone_id, www }, { web, spare }) {
	const lb = cf.loadBalancers;
	const trial = await lb.pools.create({ account_id, name: 'trial', origins: [{ name: 'b', address: B }] });
	const of = (more) => lb.edit(www.id, { zone_id, rules: [{ name: 'r', condition: '', overrides: more }] });
	const said = {
		steering_policy: 'random', pools: [web.id, trial.id], pool_weights: { [web.id]: 0, [spare.id]: 0.3 },
		pool_default_weight: 0.5,
	};

	await check('a rule that lists pools and weighs them reads as it was written', async () => {
		assert.deepEqual((await of(said)).rules[0].overrides, said);
		assert.deepEqual((await lb.get(www.id, { zone_id })).rules[0].overrides, said);
	});
	await within('its clients go to these pools, by these weights', IN_TIME, await served(`http://${VIP}/name`, 'b'));
	await check('the pools are in use, as is said', async () => {
		await refused(lb.pools.delete(trial.id, { account_id }), 412, 1005, /www\.example\.com \(rules\)/);
		const { result: refs } = await raw('GET', `/accounts/${account_id}/load_balancers/pools/${trial.id}/references`);
		assert.deepEqual(refs, [{
			reference_type: 'referrer', resource_type: 'load_balancer', resource_id: www.id, resource_name: 'www.example.com',
		}]);
	});
	await check('what a rule says twice is refused', async () => {
		await refused(of({ ...said, random_steering: { default_weight: 1 } }), 400, 1002, /leave one of them out/);
		await refused(of({ pools: [web.id], default_pools: [web.id] }), 400, 1002, /leave pools or default_pools out/);
		await refused(of({ pools: [web.id], steering_policy: 'geo' }), 400, 1002, /geo chooses by maps/);
		assert.deepEqual((await lb.get(www.id, { zone_id })).rules[0].overrides, said);
	});
	await check('weights that nothing is made of are said to be such', async () => {
		const body = { rules: [{ condition: '', overrides: { pools: [web.id], pool_weights: { [web.id]: 1 } } }] };
		const r = await raw('PATCH', `/zones/${zone_id}/load_balancers/${www.id}`, body);
		assert.ok(r.messages.some((m) => /here it is off/.test(m.message)), JSON.stringify(r.messages));
	});
	await check('without the rule the pool can go', async () => {
		assert.deepEqual((await lb.edit(www.id, { zone_id, rules: [] })).rules, []);
		await lb.pools.delete(trial.id, { account_id });
	});
	await within('and clients are back', IN_TIME, await served(`http://${VIP}/name`, 'a'));
}

// The agent is at AMS in NL.
async function poolSets(cf, raw, { zone_id, www }, { web, spare }) {
	const lb = cf.loadBalancers;
	const trial = await lb.pools.create({ account_id, name: 'trial', origins: [{ name: 'b', address: B }] });
	const of = (pool_sets, more) => raw('PATCH', `/zones/${zone_id}/load_balancers/${www.id}`, { pool_sets, ...more });
	const said = [
		{ name: 'elsewhere', disabled: false, match: { topology: { regions: ['OC'] } }, overrides: { pools: [web.id] } },
		{
			name: 'here', disabled: false, match: { topology: { pops: ['AMS'], countries: ['NL', 'BE'] } },
			overrides: {
				pools: [web.id, trial.id], steering_policy: 'random', pool_weights: { [web.id]: 0 },
				pool_default_weight: 0.5, fallback_pool: spare.id,
			},
		},
		{ name: 'rest', disabled: true, match: { default: true }, overrides: { pools: [spare.id] } },
	];

	await check('pool sets read as they were written', async () => {
		assert.deepEqual((await of(said)).result.pool_sets, said);
		assert.deepEqual((await lb.get(www.id, { zone_id })).pool_sets, said);
	});
	await within('clients go to the pools of the set that is for them', IN_TIME, await served(`http://${VIP}/name`, 'b'));
	await check('their pools are in use, as is said', () => refused(
		lb.pools.delete(trial.id, { account_id }), 412, 1005, /www\.example\.com \(pool_sets\)/));
	await check('they stay if an edit says nothing of them, or null', async () => {
		assert.deepEqual((await of(undefined, { description: 'd' })).result.pool_sets, said);
		assert.deepEqual((await of(null)).result.pool_sets, said);
	});
	await check('sets that are wrong are refused', async () => {
		const wrong = async (set, says) => {
			const r = await of([set]);
			assert.deepEqual([r.status, r.errors[0].code], [400, 1002]);
			assert.match(r.errors[0].message, says);
		};
		await wrong({ match: { default: true } }, /must say overrides\.pools, or a fixed_response/);
		await wrong({ match: {}, overrides: { pools: [web.id] } }, /default: true or a topology/);
		await wrong({ match: { topology: { countries: ['NL', 'NL'] } }, overrides: { pools: [web.id] } }, /listed twice/);
		await wrong({ overrides: { pools: [web.id], steering_policy: 'geo' } }, /geo chooses by maps/);
		await wrong({ fixed_response: { status_code: 403 } }, /cannot be given in packets/);
		assert.deepEqual((await lb.get(www.id, { zone_id })).pool_sets, said);
	});
	await check('a fixed response of a DNS-only one is kept, and said to be no HTTP', async () => {
		const set = { name: '', disabled: false, fixed_response: { status_code: 403, message_body: 'no' } };
		const r = await raw('POST', `/zones/${zone_id}/load_balancers`, {
			name: 'set.example.com', default_pools: [web.id], fallback_pool: web.id, pool_sets: [set],
		});
		assert.deepEqual(r.result.pool_sets, [set]);
		assert.ok(r.messages.some((m) => /there is no HTTP/.test(m.message)), JSON.stringify(r.messages));
		await lb.delete(r.result.id, { zone_id });
	});
	await check('an empty list takes them away', async () => {
		assert.deepEqual((await of([])).result.pool_sets, []);
		await lb.pools.delete(trial.id, { account_id });
	});
	await within('and clients are back', IN_TIME, await served(`http://${VIP}/name`, 'a'));
}

module.exports = async (...all) => {
	await overrides(...all);
	await poolSets(...all);
};
