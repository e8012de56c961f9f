// Starts the agent from a pack (ci/lab/agent-pack.ts), which holds its modules and their compiled code
// in one file. By itself node looks up, reads and compiles each of 250 modules, which takes 10 s under
// emulation; this takes one. What is not in the pack is read from where it is. All modules of a program
// come this way, so that none is there twice.
const fs = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join, resolve } = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');
const vm = require('node:vm');

const pack = openPack(join(__dirname, 'agent.pack'));
const modules = new Map();
let linking = Promise.resolve();

/** A head of JSON behind its length, then sources and code caches, at the offsets that it tells. */
function openPack(file) {
  const bytes = fs.readFileSync(file);
  const start = 4 + bytes.readUInt32LE(0);
  const { files, ahead } = JSON.parse(bytes.toString('utf8', 4, start));
  return { files, ahead, body: bytes.subarray(start) };
}

function moduleAt(file) {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const [source, code, end] = pack.files[file] ?? [];
  const made =
    source === undefined
      ? compiled(file, fs.readFileSync(file, 'utf8'))
      : compiled(file, pack.body.toString('utf8', source, code), pack.body.subarray(code, end));
  modules.set(file, made);
  return made;
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

async function imported(specifier, from) {
  if (specifier.startsWith('file:')) return moduleAt(fileURLToPath(specifier));
  if (/^\.{0,2}\//.test(specifier)) return moduleAt(resolve(dirname(from), specifier));
  const key = specifier.startsWith('node:') ? specifier : createRequire(from).resolve(specifier);
  const known = modules.get(key);
  if (known !== undefined) return known;
  const made = foreign(key, await namespaceOf(key, from));
  modules.set(key, made);
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

/** A module of node or a library, which node itself loads. */
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
