// SPDX-License-Identifier: GPL-2.0-or-later
// cloudflare.js - the official client of Cloudflare against the agent: pools, monitors and load
// balancers from their first to their last day, and what clients see of them.
'use strict';
const { assert, check, cloudflare, main, refused } = require('./clients.js');
const { eventually, served, resolved, within } = require('./seen.js');

const { API, TOKEN, READER, VIP, VIP6, VIP_B, A, B } = process.env;
const account_id = process.env.ACCOUNT;
const cf = cloudflare();
const lb = cf.loadBalancers;
const IN_TIME = 500; // ms: ten times what it should take

// A request that the client library has no word for.
const raw = async (method, path, body, headers = { Authorization: `Bearer ${TOKEN}` }) => {
	const response = await fetch(`${API}/client/v4${path}`, {
		method, headers, body: typeof body === 'string' ? body : body && JSON.stringify(body),
	});
	return { status: response.status, ...(await response.json()) };
};

const all = async (pages) => {
	const out = [];
	for await (const one of pages) out.push(one);
	return out;
};
const gone = (kind, id) => refused(lb[kind].get(id, { account_id }), 404, 1001);
const origin = (name, address, more) => ({ name, address, ...more });

async function credentials() {
	await check('a token is verified', async () => {
		assert.equal((await cf.user.tokens.verify()).status, 'active');
		assert.equal((await cf.accounts.tokens.verify({ account_id })).status, 'active');
	});
	await check('the account is the one of the configuration', async () => {
		assert.deepEqual((await all(cf.accounts.list())).map((a) => a.id), [account_id]);
		assert.equal((await cf.accounts.get({ account_id })).id, account_id);
		assert.ok((await cf.user.get()).id);
	});
	await check('another account is not there', () => refused(
		lb.pools.list({ account_id: 'f'.repeat(32) }), 404, 1001));
	await check('nobody is answered without a credential', async () => {
		const r = await raw('GET', '/user', undefined, {});
		assert.equal(r.status, 400);
		assert.equal(r.errors[0].code, 9106);
		assert.equal(r.success, false);
	});
	await check('nor with a header of another form', async () => {
		const r = await raw('GET', '/user', undefined, { Authorization: 'Basic eDp5' });
		assert.deepEqual([r.status, r.errors[0].code, r.errors[0].error_chain[0].code], [400, 6003, 6111]);
	});
	await check('a wrong token is refused', async () => {
		const wrong = cloudflare('wrong');
		await refused(wrong.loadBalancers.pools.list({ account_id }), 403, 10000);
		await refused(wrong.user.tokens.verify(), 401, 1000);
	});
	await check('a key in X-Auth-Key is as good', async () => {
		const other = cloudflare(null, { apiKey: TOKEN, apiEmail: 'a@example.org' });
		assert.equal((await other.user.tokens.verify()).status, 'active');
	});
	await check('a token that may only read reads, and changes nothing', async () => {
		const reader = cloudflare(READER);
		await all(reader.loadBalancers.pools.list({ account_id }));
		await refused(reader.loadBalancers.monitors.create({ account_id }), 403, 10000, /only read/);
	});
	await check('what is no path, and what is no JSON, is said', async () => {
		assert.deepEqual((await raw('GET', '/nothing')).errors.map((e) => e.code), [7003, 7000]);
		const r = await raw('POST', `/accounts/${account_id}/load_balancers/pools`, '{"name": ');
		assert.deepEqual([r.status, r.errors[0].code], [400, 6007]);
	});
}

async function monitors() {
	const fresh = await check('a monitor has the documented defaults', async () => {
		const m = await lb.monitors.create({ account_id });
		assert.match(m.id, /^[0-9a-f]{32}$/);
		assert.match(m.created_on, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
		const { id, created_on, modified_on, ...rest } = m;
		assert.deepEqual(rest, {
			type: 'http', description: '', method: 'GET', path: '/', port: 0, header: {},
			expected_codes: '200', expected_body: '', interval: 60, timeout: 5, retries: 2,
			consecutive_up: 0, consecutive_down: 0, follow_redirects: false, allow_insecure: false,
			probe_zone: '',
		});
		return m;
	});
	await check('a tcp monitor has its own', async () => {
		const m = await lb.monitors.update(fresh.id, { account_id, type: 'tcp', port: 25 });
		assert.deepEqual([m.method, m.path, m.expected_codes, m.port], ['connection_established', '', '', 25]);
		assert.equal(m.created_on, fresh.created_on);
	});
	await check('one that is wrong is refused with the field', async () => {
		const e = await refused(lb.monitors.edit(fresh.id, { account_id, type: 'ftp' }), 400, 1002,
			/type .*: validation failed$/);
		assert.equal(e.source.pointer, '/type');
		await refused(lb.monitors.create({ account_id, header: { 'User-Agent': ['x'] } }), 400, 1002);
		assert.equal((await lb.monitors.get(fresh.id, { account_id })).type, 'tcp');
	});
	await check('it goes, and is gone', async () => {
		assert.deepEqual(await lb.monitors.delete(fresh.id, { account_id }), { id: fresh.id });
		await gone('monitors', fresh.id);
		await refused(lb.monitors.delete(fresh.id, { account_id }), 404, 1001);
	});
	return check('a monitor of the journey is there', () => lb.monitors.create({
		account_id, type: 'http', path: '/health', port: 80, interval: 1, timeout: 1, retries: 0,
		description: 'web', expected_codes: '2xx', header: { Host: ['www.example.com'] },
	}));
}

async function pools(monitor) {
	const web = await check('a pool has the documented defaults', async () => {
		const p = await lb.pools.create({
			account_id, name: 'web', monitor: monitor.id, origins: [origin('a', A)],
		});
		const { id, created_on, modified_on, ...rest } = p;
		assert.deepEqual(rest, {
			name: 'web', description: '', enabled: true, minimum_origins: 1, monitor: monitor.id,
			origins: [{ name: 'a', address: A, enabled: true, weight: 1, port: 0, flatten_cname: true }],
			check_regions: null, health_sources: null, load_shedding: null,
			origin_steering: { policy: 'random' }, notification_filter: null, notification_email: '',
		});
		return p;
	});
	await check('its health becomes true by a real probe', () => eventually(8000, async () => {
		const h = await lb.pools.health.get(web.id, { account_id });
		const [place] = Object.values(h.pop_health);
		assert.equal(h.pool_id, web.id);
		assert.equal(place.healthy, true);
		const seen = place.origins[0][A];
		assert.deepEqual([seen.healthy, seen.failure_reason, seen.response_code], [true, 'No failures', 200]);
		assert.match(seen.rtt, /^[\d.]+(µs|ms|s)$/);
	}));
	const spare = await check('a pool without a monitor has no health', async () => {
		const p = await lb.pools.create({
			account_id, name: 'spare', origins: [origin('b', B)], notification_email: 'a@example.org',
			load_shedding: { default_percent: 0 },
		});
		assert.deepEqual(p.load_shedding, {
			default_percent: 0, default_policy: 'random', session_percent: 0, session_policy: 'hash',
		});
		await refused(lb.pools.health.get(p.id, { account_id }), 400, 1021, /Health info unavailable/);
		return p;
	});
	await check('what has another meaning here is said in messages', async () => {
		const r = await raw('PATCH', `/accounts/${account_id}/load_balancers/pools/${spare.id}`,
			{ check_regions: ['WEU'], nonsense: 1 });
		assert.equal(r.success, true, JSON.stringify(r));
		assert.ok(r.messages.some((m) => /check_regions/.test(m.message)), JSON.stringify(r.messages));
		assert.ok(r.messages.some((m) => /nonsense/.test(m.message)), JSON.stringify(r.messages));
		const back = await lb.pools.edit(spare.id, { account_id, check_regions: null });
		assert.equal(back.check_regions, null);
	});
	await check('lists have live health, and their pages', async () => {
		const listed = await all(lb.pools.list({ account_id }));
		const mine = listed.filter((p) => ['web', 'spare'].includes(p.name));
		assert.deepEqual(mine.map((p) => [p.name, p.healthy]), [['web', true], ['spare', undefined]]);
		assert.deepEqual([mine[0].origins[0].healthy, mine[0].origins[0].failure_reason], [true, 'No failures']);
		assert.deepEqual((await all(lb.pools.list({ account_id, monitor: monitor.id }))).map((p) => p.id), [web.id]);
		const path = `/accounts/${account_id}/load_balancers/pools`;
		const one = await raw('GET', `${path}?per_page=1&page=2`);
		assert.deepEqual(one.result.map((p) => p.id), [listed[1].id]);
		assert.deepEqual(one.result_info,
			{ page: 2, per_page: 1, count: 1, total_count: listed.length, total_pages: listed.length });
		assert.deepEqual((await raw('GET', `${path}?per_page=5&page=99`)).result, []);
	});
	await check('to edit one field keeps the rest', async () => {
		const p = await lb.pools.edit(web.id, { account_id, description: 'the web' });
		assert.deepEqual({ ...p, modified_on: web.modified_on }, { ...web, description: 'the web' });
		assert.ok(p.modified_on > web.modified_on);
	});
	await check('to replace one returns what is not said to its default', async () => {
		const p = await lb.pools.update(web.id, {
			account_id, name: 'web', monitor: monitor.id, origins: [origin('a', A, { weight: 0.5 })],
		});
		assert.deepEqual([p.description, p.origins[0].weight, p.created_on], ['', 0.5, web.created_on]);
		await refused(lb.pools.update(web.id, { account_id, name: 'web' }), 400, 1002, /origins is missing/);
	});
	await check('what was read can be put back, and nothing is said of that', async () => {
		const path = `/accounts/${account_id}/load_balancers/pools`;
		const read = (await raw('GET', path)).result.find((p) => p.id === web.id);
		const put = await raw('PUT', `${path}/${web.id}`, read);
		assert.deepEqual([put.success, put.messages], [true, []]);
		const { healthy, modified_on, ...rest } = read;
		rest.origins = rest.origins.map(({ healthy: h, failure_reason, ...o }) => o);
		assert.deepEqual({ ...put.result, modified_on: undefined }, { ...rest, modified_on: undefined });
	});
	await check('what is disabled says since when', async () => {
		const off = await lb.pools.edit(spare.id, { account_id, enabled: false });
		assert.ok(off.disabled_at);
		const still = await lb.pools.edit(spare.id, { account_id, description: 'x' });
		assert.equal(still.disabled_at, off.disabled_at);
		const on = await lb.pools.edit(spare.id, { account_id, enabled: true });
		assert.equal(on.disabled_at, undefined);
		const o = await lb.pools.edit(spare.id, { account_id, origins: [origin('b', B, { enabled: false }), origin('a', A)] });
		assert.ok(o.origins[0].disabled_at && !o.origins[1].disabled_at);
		await lb.pools.edit(spare.id, { account_id, origins: [origin('b', B)] });
	});
	await check('all pools lose their mail address at once, and nothing else is done so', async () => {
		const changed = await all(lb.pools.bulkEdit({ account_id, notification_email: '' }));
		assert.deepEqual(changed.map((p) => [p.name, p.notification_email]), [['spare', '']]);
		await refused(lb.pools.bulkEdit({ account_id, notification_email: 'b@example.org' }), 400, 1002);
	});
	await poolErrors(web);
	return { web, spare };
}

async function poolErrors(web) {
	const make = (more) => lb.pools.create({ account_id, name: 'x', origins: [origin('x', A)], ...more });

	await check('pools that are wrong are refused, and nothing is changed', async () => {
		const before = (await all(lb.pools.list({ account_id }))).length;
		let e = await refused(make({ origins: [origin('x', '10.0.0.300')] }), 400, 1002, /validation failed$/);
		assert.equal(e.source.pointer, '/origins/0/address');
		e = await refused(make({ name: 'web' }), 400, 1003, /not unique/);
		assert.equal(e.source.pointer, '/name');
		await refused(make({ name: 'a b' }), 400, 1002);
		await refused(make({ monitor: 'nobody' }), 400, 1002, /no monitor/);
		await refused(make({ origins: [] }), 400, 1002);
		await refused(make({ origins: [origin('x', A), origin('x', B)] }), 400, 1002);
		await refused(lb.pools.edit(web.id, { account_id, minimum_origins: 'many' }), 400, 1002);
		assert.equal((await all(lb.pools.list({ account_id }))).length, before);
	});
	await check('an unknown pool is not found', () => gone('pools', '0'.repeat(32)));
	await check('a pool of the configuration file is shown, and not changed', async () => {
		const filed = (await all(lb.pools.list({ account_id }))).find((p) => p.name === 'filed');
		assert.equal((await lb.pools.get(filed.id, { account_id })).origins[0].address, A);
		await refused(lb.pools.edit(filed.id, { account_id, description: 'x' }), 400, 1020, /file/);
		await refused(lb.pools.delete(filed.id, { account_id }), 400, 1020, /file/);
	});
}

// --- load balancers, and what clients see ---

async function balancers({ web, spare }, monitor) {
	const zone = await check('a zone is made', async () => {
		const z = await cf.zones.create({ account: { id: account_id }, name: 'example.com', type: 'full' });
		assert.deepEqual([z.status, z.name_servers, z.account.id], ['active', ['ns1.example.net'], account_id]);
		return z;
	});
	const zone_id = zone.id;
	const www = await check('a load balancer has the documented defaults', async () => {
		const l = await lb.create({
			zone_id, name: 'www.example.com', proxied: true, default_pools: [web.id], fallback_pool: spare.id,
		});
		const { id, created_on, modified_on, vips, ...rest } = l;
		assert.deepEqual(vips, [VIP, VIP6]);
		assert.deepEqual(rest, {
			name: 'www.example.com', description: '', enabled: true, default_pools: [web.id],
			fallback_pool: spare.id, region_pools: {}, country_pools: {}, pop_pools: {}, proxied: true,
			steering_policy: '', location_strategy: { mode: 'pop', prefer_ecs: 'proximity' },
			adaptive_routing: { failover_across_pools: false }, session_affinity: 'none',
			session_affinity_attributes: {
				samesite: 'Auto', secure: 'Auto', drain_duration: 0, zero_downtime_failover: 'none',
			},
			rules: [], zone_name: 'example.com',
		});
		return l;
	});
	await within('its name stands for the VIP in DNS', IN_TIME, await resolved('www.example.com', 'A', VIP));
	await within('and the VIP is served by its pool', IN_TIME, await served(`http://${VIP}/name`, 'a'));

	await lb.edit(www.id, { zone_id, default_pools: [spare.id] });
	await within('other pools of the balancer serve after the answer', IN_TIME, await served(`http://${VIP}/name`, 'b'));
	await lb.edit(www.id, { zone_id, default_pools: [web.id] });
	await served(`http://${VIP}/name`, 'a');
	await lb.pools.edit(web.id, { account_id, origins: [origin('b', B)], monitor: '' });
	await within('other origins of a pool do', IN_TIME, await served(`http://${VIP}/name`, 'b'));
	await lb.pools.edit(web.id, { account_id, origins: [origin('a', A)] });
	await within('and the first ones again', IN_TIME, await served(`http://${VIP}/name`, 'a'));
	await lb.pools.edit(web.id, { account_id, enabled: false });
	await within('a disabled pool leaves clients to the fallback pool', IN_TIME, await served(`http://${VIP}/name`, 'b'));
	await lb.pools.edit(web.id, { account_id, enabled: true, monitor: monitor.id });
	await dnsOnly(zone_id, { web, spare });
	await another(zone_id, { web, spare });
	await inUse(zone_id, www, { web, spare }, monitor);
	await balancerErrors(zone_id, www, { web, spare });
	return { zone_id, www };
}

async function dnsOnly(zone_id, { web, spare }) {
	const l = await lb.create({
		zone_id, name: 'direct.example.com', default_pools: [spare.id], fallback_pool: spare.id, ttl: 60,
	});
	await within('a balancer without proxied answers addresses', IN_TIME, await resolved('direct.example.com', 'A', B));
	const patched = await lb.edit(l.id, { zone_id, session_affinity: 'none', description: 'd' });
	await check('it has its ttl, and is one of its zone and of the account', async () => {
		assert.equal(patched.ttl, 60);
		const names = (list) => list.map((one) => one.name).sort();
		assert.deepEqual(names(await all(lb.list({ zone_id }))), ['direct.example.com', 'www.example.com']);
		const r = await raw('GET', `/accounts/${account_id}/load_balancers`);
		assert.ok(names(r.result).includes('direct.example.com'));
		assert.equal((await raw('GET', `/accounts/${account_id}/load_balancers/${l.id}`)).result.id, l.id);
	});
	await lb.delete(l.id, { zone_id });
	await within('and when it is gone, so is its name', IN_TIME, await resolved('direct.example.com', 'A', 'error: ENOTFOUND'));
}

async function inUse(zone_id, www, { web, spare }, monitor) {
	await check('who refers to whom is told', async () => {
		const refs = await all(lb.pools.references.get(web.id, { account_id }));
		assert.deepEqual(refs, [
			{ reference_type: 'referrer', resource_type: 'load_balancer', resource_id: www.id, resource_name: 'www.example.com' },
			{ reference_type: 'referral', resource_type: 'monitor', resource_id: monitor.id, resource_name: 'web' },
		]);
		const users = await all(lb.monitors.references.get(monitor.id, { account_id }));
		assert.deepEqual(users.map((u) => [u.reference_type, u.resource_id]), [['referrer', web.id]]);
	});
	await check('what is in use is not deleted, and its users are named', async () => {
		await refused(lb.pools.delete(web.id, { account_id }), 412, 1005, /www\.example\.com/);
		await refused(lb.pools.delete(spare.id, { account_id }), 412, 1005, /fallback_pool/);
		await refused(lb.monitors.delete(monitor.id, { account_id }), 412, 1005, /pool web/);
	});
	await check('a search finds them', async () => {
		const page = await lb.searches.list({ account_id, query: 'www', references: '*' });
		const { resources } = page.result;
		assert.deepEqual(resources.map((x) => [x.resource_type, x.resource_name]), [['load_balancer', 'www.example.com']]);
		assert.deepEqual(resources[0].references.map((x) => x.resource_id).sort(), [web.id, spare.id].sort());
	});
}

async function balancerErrors(zone_id, www, { web }) {
	const make = (more) => lb.create({
		zone_id, name: 'x.example.com', default_pools: [web.id], fallback_pool: web.id, ...more,
	});

	await check('balancers that are wrong are refused', async () => {
		await refused(make({ name: 'x.example.org' }), 400, 1002, /no host name in the zone/);
		await refused(make({ name: 'WWW.example.com' }), 400, 1003, /not unique/);
		await refused(make({ default_pools: ['nobody'] }), 400, 1002, /no pool/);
		await refused(make({ fallback_pool: undefined }), 400, 1002, /fallback_pool is missing/);
		await refused(make({ steering_policy: 'best' }), 400, 1002);
		await refused(make({ proxied: true, vips: [VIP] }), 400, 1002, /belongs to load balancer www/);
		await refused(lb.get(www.id, { zone_id: '0'.repeat(32) }), 404, 1001);
	});
	await check('rules over HTTP cannot be kept, and it is said', () => refused(
		lb.edit(www.id, { zone_id, rules: [{ name: 'r', condition: 'http.host eq "x"', overrides: {} }] }),
		400, 1002));
	await check('rules that packets can keep are stored', async () => {
		const l = await lb.edit(www.id, {
			zone_id,
			rules: [{ name: 'r', condition: 'ip.src in {10.9.0.0/16}', overrides: { default_pools: [web.id] } }],
		});
		assert.deepEqual(l.rules[0], {
			name: 'r', condition: 'ip.src in {10.9.0.0/16}', disabled: false, terminates: false,
			overrides: { default_pools: [web.id] },
		});
		assert.deepEqual((await lb.edit(www.id, { zone_id, rules: [] })).rules, []);
	});
}

// Packets do not show names.
async function another(zone_id, { web, spare }) {
	const l = await check('another balancer has a VIP of its own while there is one', async () => {
		const one = await lb.create({
			zone_id, name: 'other.example.com', proxied: true, default_pools: [spare.id], fallback_pool: spare.id,
		});
		assert.deepEqual(one.vips, [VIP_B]);
		return one;
	});
	await within('where its own pool serves', IN_TIME, await served(`http://${VIP_B}/name`, 'b'));
	await check('it has it as long as it is proxied', async () => {
		const same = await lb.update(l.id, {
			zone_id, name: 'other.example.com', proxied: true, default_pools: [spare.id], fallback_pool: web.id,
		});
		assert.deepEqual([same.vips, same.fallback_pool], [[VIP_B], web.id]);
		const grey = await lb.edit(l.id, { zone_id, proxied: false });
		assert.deepEqual([grey.vips, grey.ttl], [undefined, 30]);
	});
	await within('and then its name stands for addresses of its pool', IN_TIME, await resolved('other.example.com', 'A', B));
	await lb.delete(l.id, { zone_id });
}

async function groups({ web }, monitor) {
	const g = await check('a monitor group is made of monitors', async () => {
		const one = await lb.monitorGroups.create({
			account_id, description: 'deep',
			members: [{ monitor_id: monitor.id, enabled: true, monitoring_only: false, must_be_healthy: true }],
		});
		assert.equal(one.members[0].must_be_healthy, true);
		assert.ok(one.members[0].created_at);
		return one;
	});
	await check('a pool has it in place of a monitor, and loses it by ""', async () => {
		await refused(lb.pools.edit(web.id, { account_id, monitor_group: g.id }), 400, 1002, /not both/);
		const p = await lb.pools.edit(web.id, { account_id, monitor: '', monitor_group: g.id });
		assert.deepEqual([p.monitor, p.monitor_group], [undefined, g.id]);
		await refused(lb.monitorGroups.delete(g.id, { account_id }), 412, 1005, /pool web/);
		const back = await lb.pools.edit(web.id, { account_id, monitor_group: '', monitor: monitor.id });
		assert.deepEqual([back.monitor, back.monitor_group], [monitor.id, undefined]);
	});
	await check('it is listed, edited and deleted', async () => {
		assert.equal((await all(lb.monitorGroups.list({ account_id }))).length, 1);
		const e = await lb.monitorGroups.edit(g.id, { account_id, description: 'x', members: g.members });
		assert.deepEqual([e.description, e.members.length, e.members[0].created_at],
			['x', 1, g.members[0].created_at]);
		assert.equal((await lb.monitorGroups.delete(g.id, { account_id })).id, g.id);
		await gone('monitorGroups', g.id);
	});
}

async function previews({ web, spare }, monitor) {
	const results = (id, n) => eventually(8000, async () => {
		const result = await lb.previews.get(id, { account_id });
		for (const pool of Object.values(result)) assert.equal(pool.origins.length, n);
		return result;
	});

	await check('a preview probes a pool that has no monitor', async () => {
		const p = await lb.pools.health.create(spare.id, { account_id, type: 'http', path: '/health', port: 80, expected_codes: '200' });
		assert.deepEqual(p.pools, { [spare.id]: 'spare' });
		const seen = (await results(p.preview_id, 1))[spare.id];
		assert.equal(seen.healthy, true);
		const { rtt, ...rest } = seen.origins[0][B];
		assert.deepEqual(rest, { healthy: true, failure_reason: 'No failures', response_code: 200 });
		await refused(lb.pools.health.get(spare.id, { account_id }), 400, 1021);
	});
	await check('and the pools of a monitor, with what it would be', async () => {
		const p = await lb.monitors.previews.create(monitor.id, { account_id, path: '/nothing', expected_codes: '200' });
		assert.deepEqual(p.pools, { [web.id]: 'web' });
		const seen = (await results(p.preview_id, 1))[web.id];
		assert.equal(seen.healthy, false);
		assert.deepEqual([seen.origins[0][A].failure_reason, seen.origins[0][A].response_code],
			['Response code mismatch error', 404]);
		assert.equal((await lb.monitors.get(monitor.id, { account_id })).path, '/health');
		assert.equal(Object.values((await lb.pools.health.get(web.id, { account_id })).pop_health)[0].healthy, true);
	});
	await check('what cannot be probed so is refused, and an unknown preview is not there', async () => {
		await refused(lb.pools.health.create(spare.id, { account_id, type: 'ftp' }), 400, 1002, /type/);
		await refused(lb.pools.health.create(spare.id, { account_id, type: 'tcp' }), 400, 1002, /port/);
		await refused(lb.previews.get('0'.repeat(32), { account_id }), 404, 1001);
	});
}

async function regions() {
	await check('regions have their countries', async () => {
		const { regions: list } = await lb.regions.list({ account_id });
		assert.equal(list.length, 13);
		const weu = list.find((r) => r.region_code === 'WEU');
		assert.ok(weu.countries.some((c) => c.country_code_a2 === 'NL' && c.country_name === 'Netherlands'));
		const us = await lb.regions.list({ account_id, country_code_a2: 'US', subdivision_code: 'CA' });
		assert.deepEqual(us.regions.map((r) => r.region_code), ['WNAM']);
		assert.deepEqual(us.regions[0].countries[0].country_subdivisions,
			[{ subdivision_code_a2: 'CA', subdivision_name: 'California' }]);
		assert.equal((await lb.regions.get('OC', { account_id })).regions[0].region_code, 'OC');
		await refused(lb.regions.get('XX', { account_id }), 404, 1001);
	});
}

async function cleanUp({ web, spare }, { zone_id, www }, monitor) {
	await check('they go in the order in which nobody needs them', async () => {
		assert.deepEqual(await lb.delete(www.id, { zone_id }), { id: www.id });
		assert.deepEqual(await lb.pools.delete(web.id, { account_id }), { id: web.id });
		await lb.pools.delete(spare.id, { account_id });
		await lb.monitors.delete(monitor.id, { account_id });
		assert.deepEqual(await cf.zones.delete({ zone_id }), { id: zone_id });
	});
	await within('and nobody serves the VIP any more', 5 * IN_TIME, await served(`http://${VIP}/name`, 'error: timeout'));
}

main(async () => {
	await credentials();
	const monitor = await monitors();
	const made = await pools(monitor);
	const serving = await balancers(made, monitor);
	await groups(made, monitor);
	await previews(made, monitor);
	await regions();
	await require('./cloudflare_overrides.js')(cf, raw, serving, made);
	await require('./cloudflare_dns.js')(cf, raw, serving.zone_id);
	await require('./cloudflare_alerts.js')(cf, raw, made);
	await cleanUp(made, serving, monitor);
});
