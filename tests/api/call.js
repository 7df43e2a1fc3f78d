// SPDX-License-Identifier: GPL-2.0-or-later
// call.js VENDOR EXPRESSION - evaluates an expression in which `api` is the vendor's client and at()
// adds what the JSON object AT of the environment has, and prints what becomes of it as JSON. Exit
// status 1: it was refused, and the reply is printed.
'use strict';
const clients = require('./clients.js');

const [vendor, expression] = process.argv.slice(2);
const AsyncFunction = (async () => {}).constructor;

const at = (more) => ({ ...JSON.parse(process.env.AT), ...more });

new AsyncFunction('api', 'at', `return ${expression}`)(clients[vendor](), at).then(
	(value) => console.log(JSON.stringify(value)),
	(err) => {
		console.log(JSON.stringify(err.data ?? err.response?.body ?? String(err)));
		process.exitCode = 1;
	});
