/**
 * Compares two Debian version strings the way dpkg does: digits as numbers, `~` before everything,
 * letters before other characters. Source: deb-version(7), "Sorting algorithm".
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [splitVersion(a), splitVersion(b)];
  return (
    left.epoch - right.epoch ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  );
}

function splitVersion(version: string): { epoch: number; upstream: string; revision: string } {
  const match = /^(?:(\d+):)?(.*?)(?:-([^-]*))?$/.exec(version);
  const [, epoch = '0', upstream = '', revision = ''] = match ?? [];
  return { epoch: Number(epoch), upstream, revision };
}

function comparePart(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    const [leftText = '', rightText = ''] = [/^\D*/.exec(left)?.[0], /^\D*/.exec(right)?.[0]];
    const text = compareText(leftText, rightText);
    if (text !== 0) return text;
    [left, right] = [left.slice(leftText.length), right.slice(rightText.length)];
    const [leftDigits = '', rightDigits = ''] = [/^\d*/.exec(left)?.[0], /^\d*/.exec(right)?.[0]];
    const number = Number(leftDigits) - Number(rightDigits);
    if (number !== 0) return number;
    [left, right] = [left.slice(leftDigits.length), right.slice(rightDigits.length)];
  }
  return 0;
}

function compareText(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = weight(a.charAt(i)) - weight(b.charAt(i));
    if (difference !== 0) return difference;
  }
  return 0;
}

function weight(character: string): number {
  if (character === '~') return -1;
  if (character === '') return 0;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}
