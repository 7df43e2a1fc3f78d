// SPDX-License-Identifier: GPL-2.0-or-later
// client.js - runs where clients are: a line of JSON asks who serves, or what a name stands for, and
// is answered when that is as it should be, or when its time is over.
'use strict';
const dns = require('node:dns');
const http = require('node:http');
const readline = require('node:readline');

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

async function resolveOnce(what) {
	const resolver = new dns.promises.Resolver({ timeout: 300, tries: 1 });
	resolver.setServers([what.server]);
	try {
		const found = await resolver.resolve(what.name, what.type);
		return found.map((one) => (Array.isArray(one) ? one.join('') : one)).sort().join(' ');
	} catch (e) {
		return `error: ${e.code}`;
	}
}

async function until(what) {
	const began = process.hrtime.bigint();
	for (;;) {
		const last = what.url ? await fetchOnce(what.url) : await resolveOnce(what);
		const ms = Number((process.hrtime.bigint() - began) / 1000n) / 1000;
		const ok = last === what.answer;
		if (ok || ms > what.ms) return { ok, ms, last };
	}
}

async function main() {
	for await (const line of readline.createInterface({ input: process.stdin }))
		console.log(JSON.stringify(await until(JSON.parse(line))));
}

main();
