/** Lines by which a kernel says that something went wrong, and the name of what it was. */
const SIGNS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['panic', /Kernel panic/],
  ['KASAN', /BUG: KASAN/],
  ['KCSAN', /BUG: KCSAN/],
  ['KFENCE', /BUG: KFENCE/],
  ['UBSAN', /UBSAN:/],
  ['soft lockup', /soft lockup|hard LOCKUP/],
  ['oops', /\bOops\b|general protection fault|Unable to handle kernel/],
  ['BUG', /\bBUG:|kernel BUG at/],
  ['lockdep', /possible (recursive|circular) locking|inconsistent lock state|suspicious RCU usage/],
  ['refcount', /refcount_t:/],
  ['WARNING', /\bWARNING:/],
  ['hung task', /blocked for more than \d+ seconds/],
  ['RCU stall', /rcu.*(detected stalls|self-detected stall)/],
  ['list corruption', /list_(add|del) corruption/],
  [
    'driver reset',
    /GPU (hang|reset)|device reset (begin|failed)|resetting (the )?(chip|device|GPU)/i,
  ],
];

/** The sign that a kernel log line is, if it is one. */
export function signOf(text: string): string | undefined {
  return SIGNS.find(([, pattern]) => pattern.test(text))?.[0];
}
