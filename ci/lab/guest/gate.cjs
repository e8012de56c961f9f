// Node loads this before the agent: node's own start takes a second under emulation, so it runs beside
// the loading of drivers. Reading the pipe waits until session.sh has opened and closed it.
const fs = require('node:fs');
const GATE = '/run/lab/gate';

// Worker threads inherit the option, but must not wait again.
if (fs.existsSync(GATE)) {
  fs.readFileSync(GATE);
  const ours = ['--require', __filename];
  process.execArgv = process.execArgv.filter((argument) => !ours.includes(argument));
  fs.writeSync(1, 'lab:ready\n');
}
