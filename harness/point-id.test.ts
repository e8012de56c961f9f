import t from 'tap';
import { formatPointId, matchId, type PointId, parsePointId } from './point-id.ts';

const device = { device: 'vgem@vgem' };

const ids: readonly (readonly [string, PointId])[] = [
  ['a/b/c', { case: 'a/b/c', parameters: {}, devices: {}, round: 1 }],
  ['a/b/c@vgem@vgem', { case: 'a/b/c', parameters: {}, devices: device, round: 1 }],
  [
    'a/b/c[size=64KiB]@virtio-gpu@pci:0000:00:04.0#12',
    {
      case: 'a/b/c',
      parameters: { size: '64KiB' },
      devices: { device: 'virtio-gpu@pci:0000:00:04.0' },
      round: 12,
    },
  ],
  [
    'a/b/c@exporter=vgem@vgem,importer=udmabuf@udmabuf',
    {
      case: 'a/b/c',
      parameters: {},
      devices: { exporter: 'vgem@vgem', importer: 'udmabuf@udmabuf' },
      round: 1,
    },
  ],
  [
    'a/b/c@peer=rdma@rxe0',
    { case: 'a/b/c', parameters: {}, devices: { peer: 'rdma@rxe0' }, round: 1 },
  ],
  [
    'a/b/c[size=2~pages,more=page+1,less=page-1]',
    {
      case: 'a/b/c',
      parameters: { size: '2 pages', more: 'page+1', less: 'page-1' },
      devices: {},
      round: 1,
    },
  ],
  [
    'a/b/c[odd=%5Ba%5D%2Cb%3Dc%40d%23e%7E%25%2F%2A%24%22%7C,more=%C3%A9%F0%9F%98%80,none=]',
    {
      case: 'a/b/c',
      parameters: { odd: '[a],b=c@d#e~%/*$"|', more: 'é😀', none: '' },
      devices: {},
      round: 1,
    },
  ],
];

t.test('ids are written and read back', async (t) => {
  for (const [text, id] of ids) {
    t.equal(formatPointId(id), text);
    t.strictSame(parsePointId(text), id, text);
  }
});

t.test('numbers and booleans are written as they are', async (t) => {
  t.equal(
    formatPointId({ case: 'a/b', parameters: { n: 4096, yes: true } }),
    'a/b[n=4096,yes=true]',
  );
});

t.test('texts that are no ids are not read', async (t) => {
  const texts = [
    '',
    'A/b',
    'a/b[',
    'a/b[x]',
    'a/b[x=1=2]',
    'a/b[=1]',
    'a/b@x=1,2',
    'a/b#0',
    'a/b[x=%zz]',
  ];
  for (const text of texts) t.equal(parsePointId(text), undefined, text);
});

t.test('an id matches itself and nothing else', async (t) => {
  const texts = ids.map(([text]) => text);
  for (const text of texts) {
    const matched = texts.filter(matchId(text));
    const parts = texts.filter((other) => other === text || text === 'a/b/c');
    t.strictSame(matched, parts, text);
  }
});

const point =
  'dma-buf/export/again[size=2~pages,n=1]@exporter=vgem@vgem,importer=udmabuf@udmabuf#2';

const patterns: readonly (readonly [string, boolean])[] = [
  ['dma-buf', true],
  ['dma-buf/export', true],
  ['dma-buf/export/again', true],
  ['dma-buf/export/again[size=2~pages,n=1]', true],
  ['dma-buf/export/again@exporter=vgem@vgem,importer=udmabuf@udmabuf', true],
  ['dma-buf/exp', false],
  ['dma-buf/export/aga', false],
  ['export', false],
  ['*', false],
  ['dma-buf/*', false],
  ['dma-buf/**', true],
  ['**', true],
  ['dma-buf/export/*', true],
  ['*/*/again', true],
  ['dma-buf/*/ag?in', true],
  ['dma-buf/{export,import}/*', true],
  ['dma-buf/{map,import}/*', false],
  ['dma-buf/export/*[size=2*]', true],
  ['dma-buf/export/*[size=*,n=1]', true],
  ['dma-buf/export/*[size=3*]', false],
  ['dma-buf/export/*@exporter=vgem@*', true],
  ['dma-buf/export/*importer=udmabuf@*', true],
  ['**/*@exporter=vgem@vgem,*', true],
  ['**/*@*importer=udmabuf@udmabuf', true],
  ['**/*@*importer=vgem@vgem', false],
  ['dma-buf/export/*#2', true],
  ['dma-buf/export/*#3', false],
  ['dma-buf/export/again[nsize]*', false],
];

t.test('a pattern matches within a part of the path, and beyond the case', async (t) => {
  for (const [pattern, matches] of patterns) t.equal(matchId(pattern)(point), matches, pattern);
});
