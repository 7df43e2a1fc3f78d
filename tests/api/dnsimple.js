// SPDX-License-Identifier: GPL-2.0-or-later
// dnsimple.js - a journey with DNSimple's own client. ZONE_OF_FILE is a zone of the configuration
// file, with a record www; READER a token that may read only; DNS the address that answers.
'use strict';
const { Resolver } = require('node:dns').promises;
const { assert, check, refusal, dnsimple, main } = require('./clients.js');
const { AuthenticationError, ClientError, MethodNotAllowedError, NotFoundError } = require('dnsimple');

const api = dnsimple();
const ZONE = 'journey.example';
let account;

const dns = new Resolver({ timeout: 2000, tries: 1 });

const create = (name, type, content, more = {}) =>
	api.zones.createZoneRecord(account, ZONE, { name, type, content, ...more }).then((r) => r.data);
const list = (params = {}) => api.zones.listZoneRecords(account, ZONE, params);
const batch = (body) => api.request('POST', `/${account}/zones/${ZONE}/batch`, body, {});

async function whoIsThere() {
	await check('whoami has the account', async () => {
		const { data } = await api.identity.whoami();
		assert.equal(data.user, null);
		assert.equal(typeof data.account.id, 'number');
		assert.ok(data.account.plan_identifier);
		account = data.account.id;
	});
	await check('accounts has it, too', async () => {
		const { data } = await api.accounts.listAccounts();
		assert.deepEqual(data.map((a) => a.id), [account]);
	});
	await check('a wrong token is told so', async () => {
		const err = await refusal(dnsimple('weir_wrong').identity.whoami());
		assert.ok(err instanceof AuthenticationError);
		assert.deepEqual(err.data, { message: 'Authentication failed' });
	});
	await check('a token that may read reads', () => dnsimple(process.env.READER).zones.listZones(account));
	await check('and does not write', async () => {
		const err = await refusal(dnsimple(process.env.READER).domains.createDomain(account, { name: 'x.example' }));
		assert.ok(err instanceof ClientError);
		assert.equal(err.status, 403);
	});
	await check('another account is not found', async () =>
		assert.ok(await refusal(api.zones.listZones(account + 1)) instanceof NotFoundError));
}

async function domains() {
	await check('a domain is created, with its zone', async () => {
		const { data } = await api.domains.createDomain(account, { name: 'Journey.Example' });
		assert.equal(data.name, ZONE);
		assert.equal(data.account_id, account);
		assert.match(data.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
		const zone = (await api.zones.getZone(account, ZONE)).data;
		assert.equal(zone.id, data.id);
		assert.deepEqual([zone.name, zone.reverse, zone.secondary, zone.last_transferred_at, zone.active],
			[ZONE, false, false, null, true]);
		assert.equal((await api.zones.getZone(account, String(data.id))).data.name, ZONE, 'by its number');
		assert.equal((await api.domains.getDomain(account, ZONE)).data.id, data.id);
	});
	await check('it is answered for at once', async () =>
		assert.equal((await dns.resolveSoa(ZONE)).nsname, 'ns1.example.net'));
	await check('it is there once', async () => {
		const err = await refusal(api.domains.createDomain(account, { name: ZONE }));
		assert.deepEqual([err.status, Object.keys(err.attributeErrors())], [400, ['name']]);
	});
	await check('a domain without a name is refused', async () =>
		assert.deepEqual((await refusal(api.domains.createDomain(account, {}))).attributeErrors(), { name: ["can't be blank"] }));
	await check('zones are listed by name, also one of the configuration file', async () => {
		assert.deepEqual((await api.zones.listZones(account)).data.map((z) => z.name), [process.env.ZONE_OF_FILE, ZONE].sort());
		assert.deepEqual((await api.zones.listZones(account, { sort: 'name:desc' })).data.map((z) => z.name),
			[process.env.ZONE_OF_FILE, ZONE].sort().reverse());
		assert.deepEqual((await api.domains.listDomains(account, { name_like: 'journ' })).data.map((z) => z.name), [ZONE]);
	});
	await check('another zone is not found, which is said', async () => {
		const err = await refusal(api.zones.getZone(account, 'nowhere.example'));
		assert.ok(err instanceof NotFoundError);
		assert.deepEqual(err.data, { message: 'Zone `nowhere.example` not found' });
	});
	await check('what is not served is not found, and another method told so', async () => {
		assert.ok(await refusal(api.certificates.listCertificates(account, ZONE)) instanceof NotFoundError);
		assert.ok(await refusal(api.request('DELETE', '/whoami', null, {})) instanceof MethodNotAllowedError);
	});
}

async function oneRecord() {
	let record;

	await check('a record is created, and answered at once', async () => {
		record = await create('www', 'A', '192.0.2.80', { ttl: 600, integrated_zones: [1] });
		const at = Date.now();
		assert.deepEqual(await dns.resolve4(`www.${ZONE}`, { ttl: true }), [{ address: '192.0.2.80', ttl: 600 }]);
		assert.ok(Date.now() - at <= 50, `${Date.now() - at} ms`);
		assert.deepEqual({ ...record, id: 0, created_at: '', updated_at: '' },
			{ id: 0, zone_id: ZONE, parent_id: null, name: 'www', type: 'A', content: '192.0.2.80', ttl: 600, priority: null,
				regions: ['global'], system_record: false, created_at: '', updated_at: '' });
		assert.ok(Number.isSafeInteger(record.id));
	});
	await check('it is shown by its number', async () =>
		assert.deepEqual((await api.zones.getZoneRecord(account, ZONE, record.id)).data, record));
	await check('one field is edited, the others stay', async () => {
		const { data } = await api.zones.updateZoneRecord(account, ZONE, record.id, { content: '192.0.2.81' });
		assert.deepEqual({ ...data, updated_at: '' }, { ...record, content: '192.0.2.81', updated_at: '' });
		assert.deepEqual(await dns.resolve4(`www.${ZONE}`), ['192.0.2.81']);
	});
	await check('its name, too', async () => {
		await api.zones.updateZoneRecord(account, ZONE, record.id, { name: 'web', ttl: 60 });
		assert.deepEqual(await dns.resolve4(`web.${ZONE}`, { ttl: true }), [{ address: '192.0.2.81', ttl: 60 }]);
		assert.equal((await refusal(dns.resolve4(`www.${ZONE}`))).code, 'ENOTFOUND');
	});
	await check('its type is not', async () =>
		assert.deepEqual(Object.keys((await refusal(api.zones.updateZoneRecord(account, ZONE, record.id, { type: 'AAAA' })))
			.attributeErrors()), ['record_type']));
	await check('it is served', async () => {
		assert.deepEqual((await api.zones.checkZoneRecordDistribution(account, ZONE, record.id)).data, { distributed: true });
		assert.deepEqual((await api.zones.checkZoneDistribution(account, ZONE)).data, { distributed: true });
	});
	await check('it is deleted, and answered no more', async () => {
		assert.deepEqual(await api.zones.deleteZoneRecord(account, ZONE, record.id), {});
		assert.equal((await refusal(dns.resolve4(`web.${ZONE}`))).code, 'ENOTFOUND');
		const err = await refusal(api.zones.getZoneRecord(account, ZONE, record.id));
		assert.deepEqual(err.data, { message: `Record \`${record.id}\` not found` });
	});
}

async function mistakes() {
	const wrong = async (fields, ...record) =>
		assert.deepEqual(Object.keys((await refusal(create(...record))).attributeErrors()), fields);

	await check('what is missing is said', async () => {
		await wrong(['name'], undefined, 'A', '192.0.2.1');
		await wrong(['record_type'], 'a', undefined, '192.0.2.1');
		await wrong(['content'], 'a', 'A', undefined);
	});
	await check('what is wrong is said of its field', async () => {
		await wrong(['content'], 'a', 'A', '192.0.2');
		await wrong(['content'], 'a', 'AAAA', '192.0.2.1');
		await wrong(['record_type'], 'a', 'SPACE', 'x');
		await wrong(['record_type'], 'a', 'URL', 'https://example.net');
		await wrong(['ttl'], 'a', 'A', '192.0.2.1', { ttl: -1 });
		await wrong(['ttl'], 'a', 'A', '192.0.2.1', { ttl: 'long' });
		await wrong(['priority'], 'a', 'MX', 'mail.example.net', { priority: 70000 });
		await wrong(['name'], 'a b', 'A', '192.0.2.1');
		await wrong(['name'], 'é'.repeat(200), 'A', '192.0.2.1');
		assert.deepEqual(Object.keys((await refusal(api.domains.createDomain(account, { name: 'é'.repeat(200) }))).attributeErrors()), ['name']);
	});
	await check('nothing of that was kept', async () =>
		assert.deepEqual((await list()).data.filter((r) => !r.system_record), []));
	await check('records of the zone itself stay', async () => {
		const system = (await list()).data;
		assert.deepEqual(system.map((r) => r.type).sort(), ['NS', 'NS', 'SOA']);
		for (const r of system) {
			assert.equal(r.system_record, true);
			assert.equal((await refusal(api.zones.deleteZoneRecord(account, ZONE, r.id))).status, 400);
		}
	});
	await check('a record of the configuration file is shown, and only the file changes it', async () => {
		const { data } = await api.zones.listZoneRecords(account, process.env.ZONE_OF_FILE, { name: 'www' });
		assert.equal(data.length, 1);
		const err = await refusal(api.zones.updateZoneRecord(account, process.env.ZONE_OF_FILE, data[0].id, { ttl: 90 }));
		assert.equal(err.status, 403);
		assert.match(err.data.message, /only that file changes it/);
	});
}

async function pools() {
	await check('a POOL is a record for each member', async () => {
		const members = [];
		for (const content of ['a.example.net.', 'b.example.net', 'c.example.net'])
			members.push(await create('pool', 'POOL', content, { ttl: 60 }));
		assert.deepEqual(members.map((r) => r.content), ['a.example.net', 'b.example.net', 'c.example.net']);
		assert.deepEqual((await list({ type: 'POOL' })).data, members);
		assert.equal((await dns.resolveCname(`pool.${ZONE}`)).length, 1);
	});
	await check('a member is there once, and nothing beside them', async () => {
		assert.deepEqual((await refusal(create('pool', 'POOL', 'b.example.net'))).attributeErrors(),
			{ content: ['b.example.net is another record already'] });
		for (const [type, content] of [['A', '192.0.2.1'], ['TXT', 'x'], ['CNAME', 'd.example.net']])
			assert.deepEqual(Object.keys((await refusal(create('pool', type, content))).attributeErrors()), ['record_type']);
		assert.deepEqual(Object.keys((await refusal(create('', 'POOL', 'a.example.net'))).attributeErrors()), ['record_type']);
	});
	await check('one that is removed is in no answer any more', async () => {
		const gone = (await list({ type: 'POOL' })).data[1];
		await api.zones.deleteZoneRecord(account, ZONE, gone.id);
		const seen = new Set();
		for (let i = 0; i < 60; i++)
			seen.add((await dns.resolveCname(`pool.${ZONE}`))[0]);
		assert.deepEqual([...seen].sort(), ['a.example.net', 'c.example.net']);
	});
}

async function otherTypes() {
	await check('MX, SRV, TXT, CAA and ALIAS are answered as they are written', async () => {
		await create('', 'MX', 'mail.example.net', { priority: 10 });
		await create('_sip._tcp', 'SRV', '5 5060 sip.example.net', { priority: 20 });
		await create('', 'TXT', 'v=spf1 include:example.net -all');
		await create('', 'CAA', '0 issue "ca.example.net"');
		const alias = await create('', 'ALIAS', 'lb.example.net');
		assert.equal(alias.type, 'ALIAS');
		assert.deepEqual(await dns.resolveMx(ZONE), [{ exchange: 'mail.example.net', priority: 10 }]);
		assert.deepEqual(await dns.resolveSrv(`_sip._tcp.${ZONE}`), [{ name: 'sip.example.net', port: 5060, priority: 20, weight: 5 }]);
		assert.deepEqual(await dns.resolveTxt(ZONE), [['v=spf1 include:example.net -all']]);
		assert.deepEqual(await dns.resolveCaa(ZONE), [{ critical: 0, issue: 'ca.example.net' }]);
	});
	await check('a record is answered at its sites only', async () => {
		const { regions } = await create('there', 'A', '192.0.2.3', { regions: ['SYD'] });
		await create('here', 'A', '192.0.2.4', { regions: ['AMS', 'SYD'] });
		assert.deepEqual(regions, ['SYD']);
		assert.ok(['ENOTFOUND', 'ENODATA'].includes((await refusal(dns.resolve4(`there.${ZONE}`))).code));
		assert.deepEqual(await dns.resolve4(`here.${ZONE}`), ['192.0.2.4']);
	});
	await check('name servers are replaced', async () => {
		const { data } = await api.zones.updateZoneNsRecords(account, ZONE, { ns_names: ['ns8.example.net', 'ns9.example.net'], ns_set_ids: [] });
		assert.deepEqual(data.map((r) => r.content).sort(), ['ns8.example.net', 'ns9.example.net']);
		assert.deepEqual((await dns.resolveNs(ZONE)).sort(), ['ns8.example.net', 'ns9.example.net']);
	});
	await check('the zone is shown as a file, in which what only exists here is a comment', async () => {
		const text = (await api.zones.getZoneFile(account, ZONE)).data.zone;
		assert.match(text, /^\$ORIGIN journey\.example\.\n/);
		assert.match(text, /^journey\.example\. 3600 IN MX 10 mail\.example\.net\.$/m);
		assert.match(text, /^; pool\.journey\.example\. 60 IN POOL a\.example\.net\.$/m);
		assert.match(text, /^; journey\.example\. 3600 IN ALIAS lb\.example\.net\.$/m);
		assert.match(text, /IN TXT "v=spf1 include:example\.net -all"$/m);
	});
}

async function paging() {
	const names = Array.from({ length: 65 }, (_, i) => `n${String(i).padStart(2, '0')}`);

	await check('a batch creates 65 records', async () => {
		const { data } = await batch({ creates: names.map((name, i) => ({ name, type: 'A', content: `192.0.2.${i + 1}` })) });
		assert.deepEqual([data.creates.length, data.updates, data.deletes], [65, [], []]);
		assert.equal(new Set(data.creates.map((r) => r.id)).size, 65);
	});
	await check('a page has 30 of them, and says where it is', async () => {
		const { data, pagination } = await list({ name_like: 'n', type: 'A', page: 3 });
		assert.deepEqual(data.map((r) => r.name), names.slice(60));
		assert.deepEqual(pagination, { current_page: 3, per_page: 30, total_entries: 65, total_pages: 3 });
		assert.deepEqual((await list({ name_like: 'n', type: 'A', page: 4 })).data, []);
		assert.equal((await list({ per_page: 500 })).pagination.per_page, 100);
	});
	await check('all of them are collected', async () => {
		const all = await api.zones.listZoneRecords.collectAll(account, ZONE, { type: 'A', name_like: 'n' });
		assert.deepEqual(all.map((r) => r.name), names);
		assert.ok(all.every((r, i) => !i || r.id > all[i - 1].id), 'by number');
	});
	await check('they are sorted as asked', async () => {
		const sorted = async (sort) => (await list({ sort, type: 'A', name_like: 'n', per_page: 3 })).data.map((r) => r.name);
		assert.deepEqual(await sorted('name:desc'), ['n64', 'n63', 'n62']);
		assert.deepEqual(await sorted('id:desc'), ['n64', 'n63', 'n62']);
		assert.deepEqual(await sorted('type:asc,content:asc'), ['n00', 'n09', 'n10'], '.1 .10 .11');
		assert.equal((await refusal(list({ sort: 'mood' }))).status, 400);
	});
	await check('name= is the zone itself', async () => {
		const { data } = await list({ name: '' });
		assert.ok(data.length > 3 && data.every((r) => r.name === ''));
		assert.deepEqual((await list({ name: 'n07' })).data.map((r) => r.content), ['192.0.2.8']);
	});
}

async function batches() {
	await check('a batch deletes, then edits, then creates', async () => {
		const [first, second] = (await list({ name_like: 'n0', per_page: 2 })).data;
		const { data } = await batch({
			creates: [{ name: first.name, type: 'CNAME', content: 'elsewhere.example.net' }],
			updates: [{ id: second.id, content: '192.0.2.200' }],
			deletes: [{ id: first.id }],
		});
		assert.deepEqual(data.deletes, [{ id: first.id }]);
		assert.deepEqual(await dns.resolveCname(`${first.name}.${ZONE}`), ['elsewhere.example.net']);
		assert.deepEqual(await dns.resolve4(`${second.name}.${ZONE}`), ['192.0.2.200']);
	});
	await check('one that is wrong in part does nothing, and says which part', async () => {
		const before = (await list({ per_page: 100 })).data;
		const good = { name: 'good', type: 'A', content: '192.0.2.1' };
		const at = async (body, part, index, field) => {
			const err = await refusal(batch(body));
			assert.equal(err.status, 400);
			assert.equal(err.attributeErrors()[part][0].index, index);
			if (field)
				assert.deepEqual(Object.keys(err.attributeErrors()[part][0].errors), [field]);
		};
		await at({ creates: [good, { name: 'bad', type: 'A', content: 'x' }] }, 'creates', 1, 'content');
		await at({ creates: [good, good] }, 'creates', 1, 'content');
		await at({ creates: [good, { name: 'bad', content: '192.0.2.1' }] }, 'creates', 1, 'record_type');
		await at({ creates: [good], deletes: [{ id: 5 }] }, 'deletes', 0);
		await at({ deletes: [{ id: before[5].id }], updates: [{ id: before[6].id, ttl: 60 }, { id: before[5].id, ttl: 60 }] }, 'updates', 1);
		assert.deepEqual((await list({ per_page: 100 })).data, before);
	});
}

async function end() {
	await check('a zone that is deactivated is not served, and what it has stays', async () => {
		assert.equal((await api.zones.deactivateDns(account, ZONE)).data.active, false);
		assert.equal((await refusal(dns.resolve4(`n07.${ZONE}`))).code, 'EREFUSED');
		assert.equal((await api.zones.getZone(account, ZONE)).data.active, false);
		assert.equal((await api.zones.activateDns(account, ZONE)).data.active, true);
		assert.deepEqual(await dns.resolve4(`n07.${ZONE}`), ['192.0.2.8']);
	});
	await check('a domain is deleted with all that it has', async () => {
		assert.deepEqual(await api.domains.deleteDomain(account, ZONE), {});
		assert.equal((await refusal(dns.resolve4(`n07.${ZONE}`))).code, 'EREFUSED');
		assert.ok(await refusal(api.domains.getDomain(account, ZONE)) instanceof NotFoundError);
	});
}

main(async () => {
	dns.setServers([process.env.DNS]);
	for (const part of [whoIsThere, domains, oneRecord, mistakes, pools, otherTypes, paging, batches, end])
		await part();
});
