// SPDX-License-Identifier: GPL-2.0-or-later
// fastly.js - a journey with Fastly's own client, without traffic: what is stored, shown, locked and
// refused. READER: a token that may read only.
'use strict';
const { assert, check, refusal, fastly, main } = require('./clients.js');

const api = fastly();
let service_id;

const at = (version_id, more = {}) => ({ service_id, version_id, ...more });

async function refused(status, msg, detail, promise) {
	const err = await refusal(promise);
	assert.equal(err.status, status);
	assert.equal(err.response.body.msg, msg);
	if (detail)
		assert.match(err.response.body.detail, detail);
}

async function whoIsThere() {
	await check('the token is shown', async () => {
		const token = await api.tokens.getTokenCurrent();
		assert.deepEqual([token.name, token.scope, token.expires_at], ['writer', 'global', null]);
		assert.match(token.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
	});
	await check('there is one site', async () =>
		assert.deepEqual((await api.pop.listPops()).map((p) => p.code), ['AMS']));
	await check('a wrong token is told so, and one that may only read', async () => {
		await refused(401, 'Provided credentials are missing or invalid', null, fastly('weir_wrong').service.listServices());
		assert.deepEqual(await fastly(process.env.READER).service.listServices(), []);
		await refused(403, 'You are not authorized to perform this action', null,
			fastly(process.env.READER).service.createService({ name: 'x', type: 'vcl' }));
		fastly();
	});
}

async function services() {
	await check('a service is created, with a first version', async () => {
		const service = await api.service.createService({ name: 'journey one', type: 'vcl', comment: 'a+b & c~d' });
		service_id = service.id;
		assert.match(service_id, /^[0-9A-Za-z]{22}$/);
		assert.deepEqual([service.name, service.type, service.comment, service.paused], ['journey one', 'vcl', 'a+b & c~d', false]);
		assert.ok(service.created_at instanceof Date && !Number.isNaN(service.created_at.getTime()));
		const [first] = service.versions;
		assert.deepEqual([first.number, first.active, first.locked, first.deployed, first.staging, first.testing],
			[1, false, false, false, false, false]);
	});
	await check('it is found by id and by name', async () => {
		assert.equal((await api.service.getService({ service_id })).name, 'journey one');
		assert.equal((await api.service.searchService({ name: 'journey one' })).id, service_id);
		await refused(404, 'Record not found', /Couldn't find Service/, api.service.searchService({ name: 'nobody' }));
		await refused(404, 'Record not found', /Couldn't find Service/, api.service.getService({ service_id: 'nobody' }));
	});
	await check('its name is taken once', () => refused(409, 'Duplicate record', /journey one/,
		api.service.createService({ name: 'journey one', type: 'vcl' })));
	await check('a comment is edited, the rest stays', async () => {
		const { name, comment } = await api.service.updateService({ service_id, comment: '' });
		assert.deepEqual([name, comment], ['journey one', '']);
	});
	await check('services are listed by pages', async () => {
		for (let i = 0; i < 24; i++)
			await api.service.createService({ name: `many ${i}`, type: 'wasm' });
		assert.equal((await api.service.listServices()).length, 25);
		assert.deepEqual((await api.service.listServices({ page: 3, per_page: 10 })).map((s) => s.name),
			['many 19', 'many 20', 'many 21', 'many 22', 'many 23']);
		const [last] = await api.service.listServices({ page: 1, per_page: 1, direction: 'descend' });
		assert.deepEqual([last.name, last.version, last.versions.length], ['many 23', 1, 1]);
		assert.deepEqual(await api.service.listServices({ page: 4, per_page: 10 }), []);
	});
	await check('those that are not wanted are deleted', async () => {
		for (const service of await api.service.listServices({ per_page: 100, page: 1 }))
			if (service.id !== service_id)
				assert.equal((await api.service.deleteService({ service_id: service.id })).status, 'ok');
		assert.equal((await api.service.listServices()).length, 1);
	});
}

async function healthchecks() {
	await check('a healthcheck has numbers', async () => {
		const made = await api.healthcheck.createHealthcheck(at(1, { name: 'hc', check_interval: 1000, path: '/health', window: 2, threshold: 1, initial: 2 }));
		const { response } = await api.healthcheck.getHealthcheckWithHttpInfo(at(1, { healthcheck_name: 'hc' }));
		const { created_at, updated_at, ...raw } = response.body;
		assert.ok(created_at && updated_at);
		assert.deepEqual(raw, { service_id, version: 1, name: 'hc', comment: '', check_interval: 1000, timeout: 5000, window: 2, threshold: 1,
			initial: 2, expected_response: 200, method: 'HEAD', path: '/health', host: '', http_version: '1.1', headers: [], deleted_at: null });
		assert.equal(made.name, 'hc');
	});
	await check('one field is edited', async () => {
		const hc = await api.healthcheck.updateHealthcheck(at(1, { healthcheck_name: 'hc', timeout: 400 }));
		assert.deepEqual([hc.timeout, hc.check_interval, hc.path], [400, 1000, '/health']);
	});
	await check('a number that it cannot be is refused', () => refused(400, 'Bad request', /check_interval/,
		api.healthcheck.updateHealthcheck(at(1, { healthcheck_name: 'hc', check_interval: 5 }))));
	await check('a name is there once', () => refused(409, 'Duplicate record', /^Duplicate healthcheck: 'hc'$/,
		api.healthcheck.createHealthcheck(at(1, { name: 'hc' }))));
	await check('one is deleted', async () => {
		await api.healthcheck.createHealthcheck(at(1, { name: 'gone soon' }));
		assert.deepEqual((await api.healthcheck.listHealthchecks(at(1))).map((h) => h.name), ['hc', 'gone soon']);
		await api.healthcheck.deleteHealthcheck(at(1, { healthcheck_name: 'gone soon' }));
		await refused(404, 'Record not found', /Couldn't find Healthcheck '\{ deleted => 0000-00-00 00:00:00, name => gone soon, service => \w+, version => 1 \}'/,
			api.healthcheck.getHealthcheck(at(1, { healthcheck_name: 'gone soon' })));
	});
}

async function otherObjects() {
	await check('a condition may have a slash in its name', async () => {
		await api.condition.createCondition(at(1, { name: 'test/condition', statement: 'req.url ~ "^/a"', type: 'REQUEST' }));
		const condition = await api.condition.getCondition(at(1, { condition_name: 'test/condition' }));
		assert.deepEqual([condition.priority, condition.version, condition.type], ['100', '1', 'REQUEST']);
		await api.condition.updateCondition(at(1, { condition_name: 'test/condition', priority: '5' }));
		assert.equal((await api.condition.listConditions(at(1)))[0].priority, '5');
		await api.condition.deleteCondition(at(1, { condition_name: 'test/condition' }));
		assert.deepEqual(await api.condition.listConditions(at(1)), []);
	});
	await check('a backend has numbers and booleans', async () => {
		await api.backend.createBackend(at(1, { name: 'origin', address: '192.0.2.1', use_ssl: true, ssl_check_cert: false }));
		const { response } = await api.backend.getBackendWithHttpInfo(at(1, { backend_name: 'origin' }));
		const { address, ipv4, hostname, port, weight, use_ssl, ssl_check_cert, auto_loadbalance, max_conn } = response.body;
		assert.deepEqual([address, ipv4, hostname, port, weight, use_ssl, ssl_check_cert, auto_loadbalance, max_conn],
			['192.0.2.1', '192.0.2.1', null, 80, 100, true, false, false, 200]);
		assert.equal((await api.backend.updateBackend(at(1, { backend_name: 'origin', port: 8080 }))).port, 8080);
	});
	await check('a director has backends by name', async () => {
		await api.director.createDirector(at(1, { name: 'spread', type: 3, retries: 2 }));
		const link = at(1, { director_name: 'spread', backend_name: 'origin' });
		assert.equal((await api.directorbackend.createDirectorBackend(link)).director, 'spread');
		assert.equal((await api.directorbackend.getDirectorBackend(link)).backend_name, 'origin');
		const { response } = await api.director.getDirectorWithHttpInfo(at(1, { director_name: 'spread' }));
		const { type, quorum, retries, capacity, backends } = response.body;
		assert.deepEqual([type, quorum, retries, capacity, backends], [3, 75, 2, 100, ['origin']]);
		await api.directorbackend.deleteDirectorBackend(link);
		await refused(404, 'Record not found', null, api.directorbackend.getDirectorBackend(link));
		await api.director.deleteDirector(at(1, { director_name: 'spread' }));
		await api.backend.deleteBackend(at(1, { backend_name: 'origin' }));
	});
	await check('a domain is created, renamed and shown with its service', async () => {
		await api.domain.createDomain(at(1, { name: 'www.example.net', comment: 'c' }));
		await api.domain.updateDomain(at(1, { domain_name: 'www.example.net', name: 'www.example.org' }));
		assert.deepEqual((await api.domain.listDomains(at(1))).map((d) => [d.name, d.comment, d.version]), [['www.example.org', 'c', 1]]);
		assert.deepEqual((await api.service.listServiceDomains({ service_id })).map((d) => d.name), ['www.example.org']);
	});
}

async function pools() {
	let pool, server;

	await check('a pool has its numbers as texts, but for the quorum that nobody said', async () => {
		const { data, response } = await api.pool.createServerPoolWithHttpInfo(at(1, { name: 'web' }));
		pool = data;
		assert.equal(response.body.quorum, 75);
		const { id, created_at, updated_at, ...raw } = (await api.pool.getServerPoolWithHttpInfo(at(1, { pool_name: 'web' }))).response.body;
		assert.equal(id, pool.id);
		assert.ok(created_at && updated_at);
		assert.deepEqual(raw, { service_id, version: '1', name: 'web', comment: '', type: 'random', quorum: '75', healthcheck: null,
			request_condition: null, shield: null, override_host: null, use_tls: '0', tls_check_cert: '1', tls_cert_hostname: null,
			tls_sni_hostname: null, tls_ciphers: null, tls_ca_cert: null, tls_client_cert: null, tls_client_key: null,
			min_tls_version: null, max_tls_version: null, connect_timeout: '1000', first_byte_timeout: '15000',
			between_bytes_timeout: '10000', max_conn_default: '200', deleted_at: null });
	});
	await check('it is edited and renamed', async () => {
		await api.pool.updateServerPool(at(1, { pool_name: 'web', healthcheck: 'hc', quorum: 50, shield: 'iad' }));
		const edited = await api.pool.updateServerPool(at(1, { pool_name: 'web', name: 'web servers', shield: '' }));
		assert.deepEqual([edited.id, edited.name, edited.healthcheck, edited.quorum, edited.shield], [pool.id, 'web servers', 'hc', '50', null]);
		assert.deepEqual((await api.pool.listServerPools(at(1))).map((p) => p.name), ['web servers']);
		await refused(404, 'Record not found', /name => web,/, api.pool.getServerPool(at(1, { pool_name: 'web' })));
	});
	await check('what it cannot be is refused', async () => {
		await refused(400, 'Bad request', /quorum/, api.pool.updateServerPool(at(1, { pool_name: 'web servers', quorum: 101 })));
		await refused(400, 'Bad request', /type/, api.pool.updateServerPool(at(1, { pool_name: 'web servers', type: 'first' })));
		await refused(400, 'Bad request', /Name/, api.pool.createServerPool(at(1, { name: '' })));
	});
	await check('a server has its numbers as texts', async () => {
		server = await api.server.createPoolServer({ service_id, pool_id: pool.id, address: '192.0.2.11' });
		const { id, created_at, updated_at, ...raw } = (await api.server.getPoolServerWithHttpInfo({ service_id, pool_id: pool.id, server_id: server.id })).response.body;
		assert.ok(id && created_at && updated_at);
		assert.deepEqual(raw, { service_id, pool_id: pool.id, address: '192.0.2.11', port: '80', weight: '100', max_conn: '0', disabled: false,
			override_host: null, comment: '', deleted_at: null });
	});
	await check('the only server of a pool stays', () => refused(400, 'Bad request', /^Cannot delete only server in a pool$/,
		api.server.deletePoolServer({ service_id, pool_id: pool.id, server_id: server.id })));
	await check('servers are edited, listed and deleted', async () => {
		const second = await api.server.createPoolServer({ service_id, pool_id: pool.id, address: 'origin.example.net', port: 8080, weight: 50, disabled: true });
		const edited = await api.server.updatePoolServer({ service_id, pool_id: pool.id, server_id: second.id, weight: 20, disabled: false });
		assert.deepEqual([edited.weight, edited.port, edited.disabled, edited.address], [20, 8080, false, 'origin.example.net']);
		assert.deepEqual((await api.server.listPoolServers({ service_id, pool_id: pool.id })).map((s) => s.id), [server.id, second.id]);
		assert.equal((await api.server.deletePoolServer({ service_id, pool_id: pool.id, server_id: second.id })).status, 'ok');
		await refused(404, 'Record not found', /Couldn't find Server/, api.server.getPoolServer({ service_id, pool_id: pool.id, server_id: second.id }));
		await refused(404, 'Record not found', /Couldn't find Pool/, api.server.listPoolServers({ service_id, pool_id: 'nobody' }));
	});
	await check('what a server cannot be is refused', async () => {
		await refused(400, 'Bad request', /weight/, api.server.updatePoolServer({ service_id, pool_id: pool.id, server_id: server.id, weight: 0 }));
		await refused(400, 'Bad request', /disabled/, api.server.updatePoolServer({ service_id, pool_id: pool.id, server_id: server.id, disabled: 'yes' }));
		await refused(400, 'Bad request', /[Aa]ddress/, api.server.createPoolServer({ service_id, pool_id: pool.id }));
	});
}

// The client's type of an answer has no msg.
const validate = async (version) => (await api.version.validateServiceVersionWithHttpInfo(at(version))).response.body;

async function versions() {
	await check('a version is created empty, with number and service alone', async () => {
		const { response } = await api.version.createServiceVersionWithHttpInfo({ service_id });
		assert.deepEqual(response.body, { service_id, number: 2 });
		assert.deepEqual(await api.pool.listServerPools(at(2)), []);
	});
	await check('a clone has all of it, and is another version', async () => {
		const clone = await api.version.cloneServiceVersion(at(1));
		assert.deepEqual([clone.number, clone.active, clone.locked], [3, false, false]);
		const of = async (version) => (await api.pool.listServerPools(at(version))).map((p) => [p.id, p.name, p.healthcheck]);
		assert.deepEqual(await of(3), await of(1));
		await api.pool.updateServerPool(at(3, { pool_name: 'web servers', comment: 'of 3' }));
		assert.equal((await api.pool.getServerPool(at(1, { pool_name: 'web servers' }))).comment, '');
	});
	await check('a version is commented', async () =>
		assert.equal((await api.version.updateServiceVersion(at(3, { comment: 'third' }))).comment, 'third'));
	await check('a locked version stays as it is', async () => {
		assert.equal((await api.version.lockServiceVersion(at(3))).locked, true);
		const locked = [422, 'Version locked', new RegExp(`^Version '3' for service '${service_id}' is locked$`)];
		await refused(...locked, api.pool.createServerPool(at(3, { name: 'x' })));
		await refused(...locked, api.pool.updateServerPool(at(3, { pool_name: 'web servers', comment: 'x' })));
		await refused(...locked, api.healthcheck.deleteHealthcheck(at(3, { healthcheck_name: 'hc' })));
		assert.equal((await api.version.getServiceVersion(at(3))).locked, true);
	});
	await check('a version that there is not is not found', () => refused(404, 'Record not found', /Couldn't find Version/,
		api.version.getServiceVersion(at(99))));
	await check('validate says what is wrong, and with what', async () => {
		await api.pool.updateServerPool(at(1, { pool_name: 'web servers', healthcheck: 'nobody' }));
		const said = await validate(1);
		assert.equal(said.status, 'error');
		assert.match(said.msg, /'web servers'.*'nobody'/);
		await refused(400, 'Bad request', /'nobody'/, api.version.activateServiceVersion(at(1)));
		await api.pool.updateServerPool(at(1, { pool_name: 'web servers', healthcheck: 'hc' }));
	});
	await check('and what the balancer would not take', async () => {
		const [pool] = await api.pool.listServerPools(at(1));
		const bad = await api.server.createPoolServer({ service_id, pool_id: pool.id, address: '192.0.2.300' });
		const said = await validate(1);
		assert.equal(said.status, 'error');
		assert.match(said.msg, new RegExp(`web servers .*server ${bad.id}: address: .*192\\.0\\.2\\.300`));
		await refused(400, 'Bad request', /192\.0\.2\.300/, api.version.activateServiceVersion(at(1)));
		assert.equal((await api.version.getServiceVersion(at(1))).locked, false, 'nothing of it was kept');
		await api.server.deletePoolServer({ service_id, pool_id: pool.id, server_id: bad.id });
	});
	await check('validate has no message for a version without anything to say', async () =>
		assert.deepEqual(await validate(1), { status: 'ok', msg: null }));
	await check('validate and activate say what has no effect', async () => {
		await api.pool.updateServerPool(at(1, { pool_name: 'web servers', shield: 'iad', type: 'hash' }));
		const said = await validate(1);
		assert.equal(said.status, 'ok');
		assert.match(said.msg, /shield/);
		assert.match(said.msg, /hash is by connection/);
		const { response } = await api.version.activateServiceVersionWithHttpInfo(at(1));
		assert.match(response.body.msg, /shield/);
		assert.deepEqual([response.body.active, response.body.locked], [true, true]);
	});
	await check('a service shows its active version whole', async () => {
		const { response } = await api.service.getServiceDetailWithHttpInfo({ service_id });
		const { active_version, version } = response.body;
		assert.deepEqual([active_version.number, active_version.domains.length, active_version.healthchecks[0].name], [1, 1, 'hc']);
		assert.equal(version.number, 3);
		assert.ok(Array.isArray(version.backends) && version.settings);
		assert.equal((await api.service.getServiceDetail({ service_id })).active_version.active, true);
	});
	await check('a service with an active version is not deleted', () => refused(400, 'Bad request', /active version/,
		api.service.deleteService({ service_id })));
	await check('it is once there is none', async () => {
		assert.equal((await api.version.deactivateServiceVersion(at(1))).active, false);
		assert.equal((await api.version.getServiceVersion(at(1))).locked, true);
		await refused(400, 'Bad request', /not active/, api.version.deactivateServiceVersion(at(1)));
		await api.service.deleteService({ service_id });
		await refused(404, 'Record not found', null, api.service.getService({ service_id }));
	});
}

main(async () => {
	for (const part of [whoIsThere, services, healthchecks, otherObjects, pools, versions])
		await part();
});
