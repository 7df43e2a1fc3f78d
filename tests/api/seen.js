// SPDX-License-Identifier: GPL-2.0-or-later
// seen.js - what a client sees of the agent: who serves, and what names stand for.
'use strict';
const assert = require('node:assert/strict');
const dns = require('node:dns');
const http = require('node:http');
const { check } = require('./clients.js');

// Comes true within so many ms; between tries there are 20 ms.
async function eventually(ms, says) {
	const end = Date.now() + ms;
	for (;;) {
		try {
			return await says();
		} catch (e) {
			if (Date.now() > end) throw e;
		}
		await new Promise((go) => setTimeout(go, 20));
	}
}

// One connection of its own for each request.
function fetchOnce(url) {
	return new Promise((done) => {
		const request = http.get(url, { agent: false, timeout: 300 }, (response) => {
			let text = '';
			response.on('data', (part) => (text += part));
			response.on('end', () => done(text.trim()));
		});
		request.on('timeout', () => request.destroy(new Error('timeout')));
		request.on('error', (e) => done(`error: ${e.code || e.message}`));
	});
}

async function resolveOnce(name, type) {
	const resolver = new dns.promises.Resolver({ timeout: 300, tries: 1 });
	resolver.setServers([process.env.DNS]);
	try {
		const found = await resolver.resolve(name, type);
		return found.map((one) => (Array.isArray(one) ? one.join('') : one)).sort().join(' ');
	} catch (e) {
		return `error: ${e.code}`;
	}
}

// Asks again and again, from now on, until the answer is this one; for 5 s at most.
async function until(answer, ask) {
	const began = performance.now();
	for (;;) {
		const last = await ask();
		const ms = performance.now() - began;
		if (last === answer || ms > 5000) return { ok: last === answer, ms, last };
	}
}

// A reply to GET url by a new connection; the sorted addresses (or texts) of a name.
const served = (url, answer) => until(answer, () => fetchOnce(url));
const resolved = (name, type, answer) => until(answer, () => resolveOnce(name, type));

// That was seen, and it took at most so long.
function within(sentence, ms, seen) {
	return check(`${sentence} (${seen.ms.toFixed(1)} ms)`, () => {
		assert.ok(seen.ok, `it saw ${JSON.stringify(seen.last)} for ${seen.ms} ms`);
		assert.ok(seen.ms <= ms, `more than ${ms} ms`);
	});
}

module.exports = { eventually, served, resolved, within };
