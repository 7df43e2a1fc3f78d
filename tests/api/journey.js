// SPDX-License-Identifier: GPL-2.0-or-later
// journey.js - what the journeys through APIs share: sentences in TAP, and a client host that is
// asked what it sees.
'use strict';
const { spawn } = require('node:child_process');
const assert = require('node:assert/strict');
const path = require('node:path');
const readline = require('node:readline');

let failed = 0;

function note(text) {
	for (const line of String(text).split('\n')) console.log(`# ${line}`);
}

// The sentence holds when what it says does not throw. Returns what it returns.
async function it(sentence, says) {
	try {
		const value = await says();
		console.log(`ok - ${sentence}`);
		return value;
	} catch (e) {
		failed++;
		console.log(`not ok - ${sentence}`);
		note(e.stack || e);
		return undefined;
	}
}

// The promise is refused with this status and code, and words that fit. Returns the error.
async function refused(promise, status, code, words) {
	let e;
	try {
		await promise;
	} catch (thrown) {
		e = thrown;
	}
	assert.ok(e, 'it was not refused');
	assert.equal(e.status, status, e.stack);
	const errors = e.errors || (e.error && e.error.errors) || [];
	if (code) assert.equal(errors[0] && errors[0].code, code, JSON.stringify(errors));
	if (words) assert.match(errors.map((one) => one.message).join('; '), words);
	return errors[0];
}

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

// client.js in the network of a client, as CLIENT (a command) makes it.
class Client {
	constructor(command) {
		const words = command.split(' ').concat(process.execPath, path.join(__dirname, 'client.js'));
		this.child = spawn(words[0], words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
		this.waiting = [];
		readline.createInterface({ input: this.child.stdout })
			.on('line', (line) => this.waiting.shift()(JSON.parse(line)));
	}
	ask(what) {
		return new Promise((answer) => {
			this.waiting.push(answer);
			this.child.stdin.write(JSON.stringify(what) + '\n');
		});
	}
	// How many ms it took until url, asked again and again by new connections, was answered so.
	served(url, answer, ms = 5000) {
		return this.ask({ url, answer, ms });
	}
	// The same of a name's addresses, sorted.
	resolved(server, name, type, answer, ms = 5000) {
		return this.ask({ server, name, type, answer, ms });
	}
	end() {
		this.child.stdin.end();
	}
}

// It took at most so long; says what it took.
function within(sentence, result, ms) {
	return it(`${sentence} (${result.ms} ms)`, () => {
		assert.ok(result.ok, `it saw ${JSON.stringify(result.last)} for ${result.ms} ms`);
		assert.ok(result.ms <= ms, `more than ${ms} ms`);
	});
}

function finish() {
	process.exitCode = failed ? 1 : 0;
}

module.exports = { assert, note, it, refused, eventually, Client, within, finish };
