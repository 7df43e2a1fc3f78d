// SPDX-License-Identifier: GPL-2.0-or-later
// cloudflare_dns.js - zones and DNS records by the official client of Cloudflare, and by queries.
'use strict';
const { assert, check, refused } = require('./clients.js');
const { resolved, within } = require('./seen.js');

const { VIP_B, A, B, ACCOUNT } = process.env;
const IN_TIME = 500; // ms: ten times what it should take

module.exports = async (cf, raw, zone_id) => {
	const records = cf.dns.records;
	const all = async (pages) => {
		const out = [];
		for await (const one of pages) out.push(one);
		return out;
	};
	const names = async (filter) => (await all(records.list({ zone_id, ...filter }))).map((r) => r.name);

	await check('zones are listed page by page, and by name', async () => {
		await cf.zones.create({ account: { id: ACCOUNT }, name: 'sub.example.com' });
		const seen = (await all(cf.zones.list({ per_page: 1 }))).map((z) => z.name);
		assert.deepEqual(seen.sort(), ['example.com', 'example.org', 'sub.example.com']);
		assert.deepEqual((await all(cf.zones.list({ name: 'example.com', status: 'active' }))).map((z) => z.id), [zone_id]);
		assert.equal((await all(cf.zones.list({ name: 'contains:example' }))).length, 3);
		assert.deepEqual((await all(cf.zones.list({ order: 'name', direction: 'desc' }))).map((z) => z.name),
			['sub.example.com', 'example.org', 'example.com']);
		assert.equal((await all(cf.zones.list({ account: { id: 'x' } }))).length, 0);
	});
	await check('a zone has other name servers when it is told', async () => {
		const z = await cf.zones.edit({ zone_id, vanity_name_servers: ['ns9.example.net'] });
		assert.deepEqual(z.name_servers, ['ns9.example.net']);
		assert.equal((await cf.zones.get({ zone_id })).modified_on, z.modified_on);
		await refused(cf.zones.create({ account: { id: ACCOUNT }, name: 'Example.com' }), 400, 1003);
		await refused(cf.zones.get({ zone_id: 'f'.repeat(32) }), 404, 1001);
	});

	const app = await check('a record has the documented defaults', async () => {
		const r = await records.create({ zone_id, type: 'A', name: 'app', content: A, ttl: 1 });
		const { id, created_on, modified_on, ...rest } = r;
		assert.deepEqual(rest, {
			type: 'A', name: 'app.example.com', content: A, ttl: 1, proxied: false, comment: null, tags: [],
			settings: {}, proxiable: true, meta: {}, zone_id, zone_name: 'example.com',
		});
		return r;
	});
	await within('it is answered after the answer', IN_TIME, await resolved('app.example.com', 'A', A));
	await check('a second address stands beside it', async () => {
		await records.create({ zone_id, type: 'A', name: 'app.example.com', content: B, ttl: 120, comment: 'second', tags: ['team:web'] });
	});
	await within('both are answered', IN_TIME, await resolved('app.example.com', 'A', [A, B].sort().join(' ')));
	await check('records are refused with the codes of their kind', async () => {
		const add = (more) => records.create({ zone_id, type: 'A', name: 'app', content: A, ttl: 1, ...more });
		await refused(add({}), 400, 81058, /identical/);
		await refused(add({ type: 'CNAME', content: 'x.example.net' }), 400, 81054);
		await add({ type: 'CNAME', name: 'alias', content: 'x.example.net' });
		await refused(add({ name: 'alias' }), 400, 81053);
		await refused(add({ content: 'nonsense' }), 400, 9005);
		await refused(add({ type: 'NONE' }), 400, 1004);
		await refused(add({ name: 'other', ttl: 7 }), 400, 1004, /ttl/);
		await refused(records.get('0'.repeat(32), { zone_id }), 404, 81044);
		await refused(records.delete('0'.repeat(32), { zone_id }), 404, 81044);
	});
	await check('lists are filtered and in order', async () => {
		assert.deepEqual(await names({ name: { exact: 'alias.example.com' } }), ['alias.example.com']);
		assert.equal((await names({ name: { startswith: 'app' } })).length, 2);
		assert.equal((await names({ type: 'CNAME' })).length, 1);
		assert.deepEqual(await names({ comment: { contains: 'econ' } }), ['app.example.com']);
		assert.equal((await names({ tag: { exact: 'team:web' } })).length, 1);
		assert.equal((await names({ search: 'alias' })).length, 1);
		assert.equal((await names({ type: 'CNAME', content: { exact: B }, match: 'any' })).length, 2);
		assert.equal((await names({ type: 'CNAME', content: { exact: B } })).length, 0);
		const by = (await all(records.list({ zone_id, order: 'type', direction: 'desc' }))).map((r) => r.type);
		assert.deepEqual(by, ['CNAME', 'A', 'A']);
		assert.equal((await all(records.list({ zone_id, per_page: 1 }))).length, 3);
	});
	await check('one is edited, and one is replaced', async () => {
		const e = await records.edit(app.id, { zone_id, type: 'A', name: 'app.example.com', content: A, ttl: 1, comment: 'first' });
		assert.ok(e.comment_modified_on);
		const r = await records.update(app.id, { zone_id, type: 'A', name: 'app.example.com', content: A, ttl: 60 });
		assert.deepEqual([r.comment, r.ttl, r.created_on], [null, 60, app.created_on]);
	});
	await check('types of several members come and go as data', async () => {
		const srv = await records.create({
			zone_id, type: 'SRV', name: '_sip._tcp', ttl: 60,
			data: { priority: 10, weight: 5, port: 5060, target: 'sip.example.net' },
		});
		assert.deepEqual([srv.content, srv.priority], ['5 5060 sip.example.net', 10]);
		assert.deepEqual(srv.data, { priority: 10, weight: 5, port: 5060, target: 'sip.example.net' });
		const caa = await records.create({ zone_id, type: 'CAA', name: '@', ttl: 60, data: { flags: 0, tag: 'issue', value: 'ca.example' } });
		assert.equal(caa.content, '0 issue "ca.example"');
		const mx = await records.create({ zone_id, type: 'MX', name: '@', ttl: 60, content: 'mail.example.net', priority: 5 });
		assert.equal(mx.name, 'example.com');
		const txt = await records.create({ zone_id, type: 'TXT', name: '_acme-challenge', ttl: 120, content: 'a b-c', priority: 0 });
		assert.equal(txt.content, 'a b-c');
	});
	await within('a TXT without quotes is one text', IN_TIME, await resolved('_acme-challenge.example.com', 'TXT', 'a b-c'));
	await batch(cf, zone_id, app, names);
	await check('a proxied record reads back with ttl 1', async () => {
		const r = await records.create({
			zone_id, type: 'A', name: 'edge', content: B, ttl: 300, proxied: true,
		});
		assert.deepEqual([r.ttl, r.proxied, r.vips], [1, true, [VIP_B]]);
		const second = await records.create({ zone_id, type: 'A', name: 'edge', content: A, ttl: 1, proxied: true });
		assert.deepEqual(second.vips, [VIP_B]);
	});
	await within('and its name stands for the VIP', IN_TIME, await resolved('edge.example.com', 'A', VIP_B));
	await check('a zone is exported as a file', async () => {
		assert.match(await records.export({ zone_id }), /app\.example\.com/);
	});
	await check('a zone goes with all that is in it', async () => {
		const [sub] = await all(cf.zones.list({ name: 'sub.example.com' }));
		await records.create({ zone_id: sub.id, type: 'A', name: 'x', content: A, ttl: 60 });
		await cf.zones.delete({ zone_id: sub.id });
		await refused(cf.zones.get({ zone_id: sub.id }), 404, 1001);
		assert.deepEqual((await raw('GET', `/zones/${zone_id}/dns_records?name=x.sub.example.com`)).result, []);
	});
	await check('a zone of the configuration file is shown, and not changed', async () => {
		const [filed] = await all(cf.zones.list({ name: 'example.org' }));
		await refused(cf.zones.delete({ zone_id: filed.id }), 400, 1020, /file/);
	});
};

async function batch(cf, zone_id, app, names) {
	const records = cf.dns.records;

	await check('many are changed at once', async () => {
		const [alias] = (await records.list({ zone_id, type: 'CNAME' })).result;
		const done = await records.batch({
			zone_id,
			deletes: [{ id: alias.id }],
			patches: [{ id: app.id, comment: 'by batch' }],
			posts: [
				{ type: 'A', name: 'alias', content: A, ttl: 60 },
				{ type: 'A', name: 'more', content: B, ttl: 60 },
			],
		});
		assert.deepEqual([done.deletes.length, done.patches[0].comment, done.posts.length], [1, 'by batch', 2]);
	});
	await within('which is answered as a whole', IN_TIME, await resolved('more.example.com', 'A', B));
	await check('or nothing is, when one of it is wrong', async () => {
		const before = await names({});
		await refused(records.batch({
			zone_id,
			deletes: [{ id: app.id }],
			posts: [{ type: 'A', name: 'good', content: A, ttl: 60 }, { type: 'A', name: 'bad', content: 'x', ttl: 60 }],
		}), 400, 9005);
		const twice = Array.from({ length: 40 }, (_, i) => ({ type: 'A', name: `n${i % 39}`, content: A, ttl: 60 }));
		const e = await refused(records.batch({ zone_id, posts: twice }), 400, 81058);
		assert.match(e.source.pointer, /^\/posts\/(0|39)\/content$/);
		await refused(records.batch({ zone_id, posts: { type: 'A' } }), 400, 1002, /must be a list/);
		await refused(records.batch({ zone_id, deletes: [{ id: app.id }, { id: '0'.repeat(32) }] }), 404, 81044);
		assert.deepEqual(await names({}), before);
	});
}
