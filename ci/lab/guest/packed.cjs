// Starts the agent from a pack (ci/lab/agent-pack.ts), which holds its modules and their compiled code
// in one file. By itself node looks up, reads and compiles each of 250 modules, which takes 10 s under
// emulation; this takes one. What is not in the pack is read from where it is. All modules of a program
// come this way, so that none is there twice.
const fs = require('node:fs');
const { createRequire, isBuiltin } = require('node:module');
const { dirname, join, resolve } = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');
const vm = require('node:vm');

const pack = openPack(join(__dirname, 'agent.pack'));
const modules = new Map();
const libraries = new Map();
let linking = Promise.resolve();

/** A head of JSON behind its length, then sources and code caches, at the offsets that it tells. */
function openPack(file) {
  const bytes = fs.readFileSync(file);
  const start = 4 + bytes.readUInt32LE(0);
  const head = JSON.parse(bytes.toString('utf8', 4, start));
  const numbers = new Map(head.files.map((path, number) => [path, number]));
  return { ...head, numbers, body: bytes.subarray(start) };
}

function moduleAt(file) {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const number = pack.numbers.get(file);
  const made =
    number === undefined ? compiled(file, fs.readFileSync(file, 'utf8')) : unpacked(file, number);
  modules.set(file, made);
  return made;
}

function unpacked(file, number) {
  const [source, code, end] = pack.spans[number];
  const text = pack.body.toString('utf8', source, code);
  return compiled(file, text, pack.body.subarray(code, end));
}

/** Node of another version, or started otherwise, does not take the code and compiles anew. */
function compiled(file, source, cachedData) {
  const options = {
    identifier: file,
    initializeImportMeta: (meta) => {
      meta.url = pathToFileURL(file).href;
    },
    importModuleDynamically: async (specifier) => loaded(await imported(specifier, file)),
  };
  if (!cachedData?.length) return new vm.SourceTextModule(source, options);
  try {
    return new vm.SourceTextModule(source, { ...options, cachedData });
  } catch (error) {
    if (error.code !== 'ERR_VM_MODULE_CACHED_DATA_REJECTED') throw error;
    return new vm.SourceTextModule(source, options);
  }
}

/** Where an import leads, which for most of them was found out when the pack was made. */
function imported(specifier, from) {
  const to = pack.links[pack.numbers.get(from)]?.[specifier];
  if (typeof to === 'number') return moduleAt(pack.files[to]);
  if (to !== undefined) return library(to, from);
  if (specifier.startsWith('file:')) return moduleAt(fileURLToPath(specifier));
  if (/^\.{0,2}\//.test(specifier)) return moduleAt(resolve(dirname(from), specifier));
  return library(isBuiltin(specifier) ? specifier : createRequire(from).resolve(specifier), from);
}

/** A module of node or a library, which node itself loads. */
function library(key, from) {
  const known = libraries.get(key);
  if (known !== undefined) return known;
  const made = namespaceOf(key, from).then((namespace) => foreign(key, namespace));
  libraries.set(key, made);
  return made;
}

async function namespaceOf(key, from) {
  try {
    return createRequire(from)(key);
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM') throw error;
    return import(pathToFileURL(key).href);
  }
}

function foreign(key, namespace) {
  const isModule = namespace[Symbol.toStringTag] === 'Module';
  const names = isModule ? Object.keys(namespace) : ['default', ...Object.keys(namespace)];
  return new vm.SyntheticModule(
    [...new Set(names)],
    function fill() {
      for (const name of names) this.setExport(name, namespace[name]);
      if (!isModule) this.setExport('default', namespace);
    },
    { identifier: key },
  );
}

/** Links one graph at a time, since two may have parts in common. */
async function loaded(module) {
  const link = async () => {
    if (module.status === 'unlinked') {
      await module.link((specifier, importer) => imported(specifier, importer.identifier));
    }
  };
  const linked = linking.then(link);
  linking = linked.catch(() => {});
  await linked;
  if (module.status !== 'evaluated') await module.evaluate();
  return module;
}

/** Importing does nothing but import, so all but the program itself can come before its time. */
async function start(program) {
  for (const file of pack.ahead) {
    // What is wrong with a provider is told by the agent, when that imports it.
    await loaded(moduleAt(file)).catch(() => {});
  }
  require('./gate.cjs');
  await loaded(moduleAt(program));
}

process.argv.splice(1, 1);
start(process.argv[1]).catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
});
