// SPDX-License-Identifier: GPL-2.0-or-later
// cloudflare_alerts.js - who is told of what, by the official client of Cloudflare.
'use strict';
const { assert, check, refused } = require('./clients.js');

const account_id = process.env.ACCOUNT;

module.exports = async (cf, raw, { web }) => {
	const { webhooks } = cf.alerting.destinations;
	const { policies } = cf.alerting;
	const all = async (pages) => {
		const out = [];
		for await (const one of pages) out.push(one);
		return out;
	};

	await check('types of alerts and mechanisms are told', async () => {
		const types = Object.values(await cf.alerting.availableAlerts.list({ account_id })).flat().map((t) => t.type);
		assert.deepEqual(types, ['load_balancing_health_alert', 'load_balancing_pool_enablement_alert']);
		const eligible = await cf.alerting.destinations.eligible.get({ account_id });
		assert.equal(eligible.webhooks[0].eligible, true);
	});
	const hook = await check('a webhook never tells its secret', async () => {
		const made = await webhooks.create({ account_id, name: 'hook', url: 'http://127.0.0.1:9/x', secret: 's3cret' });
		const { created_at, last_failure, ...seen } = await webhooks.get(made.id, { account_id }); // its port is nobody's
		assert.deepEqual(seen, {
			id: made.id, name: 'hook', url: 'http://127.0.0.1:9/x', type: 'generic', last_success: null,
		});
		assert.ok(created_at);
		assert.ok(!JSON.stringify(await raw('GET', `/accounts/${account_id}/alerting/v3/destinations/webhooks`)).includes('s3cret'));
		await webhooks.update(made.id, { account_id, name: 'hook2', url: 'http://127.0.0.1:9/y' });
		assert.deepEqual((await all(webhooks.list({ account_id }))).map((w) => w.name), ['hook2']);
		return made;
	});
	const policy = await check('a policy is made, and edited by PUT', async () => {
		const made = await policies.create({
			account_id, name: 'health', alert_type: 'load_balancing_health_alert', enabled: true,
			mechanisms: { webhooks: [{ id: hook.id }] },
			filters: { pool_id: [web.id], new_health: ['Unhealthy'], event_source: ['pool', 'origin'] },
		});
		await policies.update(made.id, { account_id, enabled: false });
		const seen = await policies.get(made.id, { account_id });
		assert.deepEqual([seen.name, seen.enabled, seen.filters.new_health], ['health', false, ['Unhealthy']]);
		assert.ok(seen.created <= seen.modified);
		return made;
	});
	await check('policies and webhooks that are wrong are refused', async () => {
		const make = (more) => policies.create({
			account_id, name: 'x', alert_type: 'load_balancing_health_alert', enabled: true, mechanisms: {}, ...more,
		});
		await refused(make({ alert_type: 'nothing' }), 400, 1002, /alert_type/);
		await refused(make({ mechanisms: { webhooks: [{ id: 'nobody' }] } }), 400, 1002, /no webhook/);
		await refused(make({ filters: { new_health: ['Ill'] } }), 400, 1002, /new_health/);
		await refused(make({ filters: { zones: ['x'] } }), 400, 1002, /no filter/);
		await refused(make({ mechanisms: undefined }), 400, 1002, /mechanisms is missing/);
		await refused(webhooks.create({ account_id, name: 'x', url: 'ftp://x' }), 400, 1002, /url/);
		await refused(webhooks.delete(hook.id, { account_id }), 412, 1005, /health/);
	});
	await check('history and the event log are lists', async () => {
		assert.ok(Array.isArray(await all(cf.alerting.history.list({ account_id }))));
		const log = await raw('GET', '/user/load_balancing_analytics/events?since=2020-01-01T00:00:00Z&pool_healthy=true');
		assert.ok(log.success && Array.isArray(log.result));
		const bad = await raw('GET', '/user/load_balancing_analytics/events?since=yesterday');
		assert.deepEqual([bad.status, bad.errors[0].code], [400, 1002]);
	});
	await check('they go', async () => {
		assert.equal((await policies.delete(policy.id, { account_id })).success, true);
		assert.equal((await webhooks.delete(hook.id, { account_id })).success, true);
		await refused(policies.get(policy.id, { account_id }), 404, 1001);
	});
};
