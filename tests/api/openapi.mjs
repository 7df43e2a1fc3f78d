// SPDX-License-Identifier: GPL-2.0-or-later
// openapi.mjs FILE - whether this is a good OpenAPI 3.1 document, as a line of TAP for each rule: the
// specification's own schema and references by a validator, and what no schema can say.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const validators = pathToFileURL('build/api/node_modules/@seriousme/openapi-schema-validator/index.js');
const { Validator } = await import(validators.href);

const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
let failed = 0;

function check(sentence, wrong) {
	failed += wrong.length > 0;
	console.log(`${wrong.length ? 'not ok' : 'ok'} - ${sentence}`);
	for (const w of wrong.slice(0, 20)) console.log(`#   ${typeof w === 'string' ? w : JSON.stringify(w)}`);
}

const operations = Object.entries(document.paths).flatMap(([at, item]) =>
	Object.entries(item).map(([method, operation]) => ({ at, method, operation, name: `${method} ${at}` })));
const schemas = document.components.schemas;

const validator = new Validator();
const result = await validator.validate(document);
check('it is a document of the specification', result.valid ? [] : [].concat(result.errors));
check('of version 3.1', validator.version === '3.1' ? [] : [`version ${validator.version}`]);
check('it has operations', operations.length > 20 ? [] : [`${operations.length}`]);

const shapes = new Map();
for (const at of Object.keys(document.paths)) {
	const shape = at.replace(/\{[^}]*\}/g, '{}');
	shapes.set(shape, [...(shapes.get(shape) ?? []), at]);
}
check('no two paths are the same but for names of parameters',
	[...shapes.values()].filter((some) => some.length > 1).map((some) => some.join(' and ')));

check('parameters of a path are those of its template', operations.filter(({ at, operation }) => {
	const said = operation.parameters.filter((p) => p.in === 'path').map((p) => p.name);
	const meant = [...at.matchAll(/\{([^}]*)\}/g)].map((m) => m[1]);
	return said.join() !== meant.join() || new Set(said).size !== said.length;
}).map((o) => o.name));

check('no argument is said twice', operations.filter(({ operation }) => {
	const names = operation.parameters.map((p) => `${p.in} ${p.name}`);
	return new Set(names).size !== names.length;
}).map((o) => o.name));

check('every operation has a summary', operations.filter((o) => !o.operation.summary).map((o) => o.name));

const refs = [];
JSON.stringify(document, (key, value) => {
	if (key === '$ref') refs.push(value);
	return value;
});
check('every reference leads to a schema',
	refs.filter((ref) => !schemas[ref.replace('#/components/schemas/', '')]));
check('every schema that a facade names says something',
	Object.entries(schemas).filter(([, schema]) => Object.keys(schema).length === 0).map(([name]) => name));
check('every scheme of security is there', operations.flatMap((o) => o.operation.security
	.flatMap((one) => Object.keys(one))).filter((name) => !document.components.securitySchemes[name]));

console.log(`# ${operations.length} operations, ${Object.keys(schemas).length} schemas`);
process.exit(failed ? 1 : 0);
