// SPDX-License-Identifier: GPL-2.0-or-later
// call.js VENDOR EXPRESSION - evaluates an expression in which `api` is the vendor's client, and
// prints what becomes of it as JSON. Exit status 1: it was refused, and the reply is printed.
'use strict';
const clients = require('./clients.js');

const [vendor, expression] = process.argv.slice(2);
const AsyncFunction = (async () => {}).constructor;

new AsyncFunction('api', `return ${expression}`)(clients[vendor]()).then(
	(value) => console.log(JSON.stringify(value)),
	(err) => {
		console.log(JSON.stringify(err.data ?? err.response?.body ?? String(err)));
		process.exitCode = 1;
	});
