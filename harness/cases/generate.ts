import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { keepFacts, keptFacts } from '../provider-facts.ts';
import { loadOwnProviders } from '../providers.ts';
import { COMPILED, makeAjv, schemasHash, VALIDATOR_REFS } from './validators.ts';
import { writeCheckedCases } from './write-checked-cases.ts';

const require = createRequire(import.meta.url);
const standalone = require('ajv/dist/standalone') as typeof import('ajv/dist/standalone/index.js');

/**
 * Part of the build: compiles the schemas of cases/ to JavaScript beside the compiled sources, and
 * keeps the facts of providers and the cases that are in order. Without it everything works, but each
 * start takes a second longer.
 */
const code = standalone.default(makeAjv(true), { ...VALIDATOR_REFS });
writeFileSync(COMPILED, `${code}\nexports.schemas = ${JSON.stringify(schemasHash())};\n`);
if (keptFacts() === undefined) keepFacts(await loadOwnProviders());
await writeCheckedCases();
