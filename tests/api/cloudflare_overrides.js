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

module.exports = overrides;
