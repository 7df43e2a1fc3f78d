// SPDX-License-Identifier: GPL-2.0-or-later
// clients.js - the official clients, unmodified, pointed at an agent, and assertions in TAP.
// API=https://ADDRESS:PORT and TOKEN say where and who; NODE_EXTRA_CA_CERTS whom to trust.
'use strict';
const assert = require('node:assert/strict');

let failed = 0;

// Says that the sentence holds when the function, which may be asynchronous, throws nothing.
async function check(sentence, holds) {
	try {
		const value = await holds();
		console.log(`ok - ${sentence}`);
		return value;
	} catch (err) {
		failed++;
		console.log(`not ok - ${sentence}`);
		const body = err.data ?? err.response?.body;
		for (const line of `${err.stack ?? JSON.stringify(err)}\n${body ? JSON.stringify(body) : ''}`.trim().split('\n'))
			console.log(`#   ${line}`);
		return undefined;
	}
}

// What a promise is rejected with.
async function refusal(promise) {
	let value;
	try {
		value = await promise;
	} catch (err) {
		return err;
	}
	assert.fail(`this should have been refused, and was ${JSON.stringify(value)}`);
}

// Cloudflare refuses a promise with this status and code, and words that fit. The first error.
async function refused(promise, status, code, words) {
	const err = await refusal(promise);
	const errors = err.errors ?? [];
	assert.equal(err.status, status, err.stack);
	assert.equal(errors[0]?.code, code, JSON.stringify(errors));
	if (words) assert.match(errors.map((one) => one.message).join('; '), words);
	return errors[0];
}

function cloudflare(token = process.env.TOKEN, other = {}) {
	const { default: Cloudflare } = require('cloudflare');
	return new Cloudflare({ apiToken: token, baseURL: `${process.env.API}/client/v4`, ...other });
}

function dnsimple(token = process.env.TOKEN) {
	const { DNSimple } = require('dnsimple');
	return new DNSimple({ accessToken: token, baseUrl: process.env.API });
}

// The client has its base URL in each operation; plugins are its own way to change requests.
function fastly(token = process.env.TOKEN) {
	const Fastly = require('fastly');
	const client = Fastly.ApiClient.instance;
	client.authenticate(token);
	client.plugins = [(req) => { req.url = req.url.replace('https://api.fastly.com', process.env.API); }];
	return Object.fromEntries(['Service', 'Version', 'Pool', 'Server', 'Healthcheck', 'Condition', 'Backend', 'Director',
		'DirectorBackend', 'Domain', 'Tokens', 'Pop'].map((name) => [name.toLowerCase(), new Fastly[`${name}Api`]()]));
}

async function main(journey) {
	try {
		await journey();
	} catch (err) {
		failed++;
		console.log(`not ok - the journey ends: ${err.stack ?? JSON.stringify(err)}`.replace(/\n/g, '\n#   '));
		if (err.data ?? err.response?.body)
			console.log(`#   ${JSON.stringify(err.data ?? err.response.body)}`);
	}
	process.exitCode = failed ? 1 : 0;
}

module.exports = { assert, check, refusal, refused, cloudflare, dnsimple, fastly, main };
