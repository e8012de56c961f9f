import t from 'tap';
import { plainName, probedFunctions, type Watched, watchedNumbers } from './executed-functions.ts';

const watched: Watched = (name, module) => {
  if (module === 'vgem') return module;
  return module === '' && name.startsWith('dma_heap_') ? 'dma-heap' : undefined;
};

t.test('a function is watched by the number of its line', (t) => {
  const lines = ['dma_heap_open', 'do_exit', 'vgem_open [vgem]', 'dma_heap_x [other]', ''];
  t.strictSame(watchedNumbers(lines, watched), [1, 3]);
  t.end();
});

t.test('a probe whose count is used up says that its function ran', (t) => {
  const lines = [
    '#### all functions enabled ####',
    'dma_heap_open:stacktrace:count=0',
    'vgem_open [vgem]:stacktrace:count=1',
    'do_exit:stacktrace:count=0',
  ];
  t.strictSame(probedFunctions(lines, watched), [
    { module: 'dma-heap', name: 'dma_heap_open', isExecuted: true },
    { module: 'vgem', name: 'vgem_open', isExecuted: false },
  ]);
  t.end();
});

t.test('a piece that the compiler made counts for its function', (t) => {
  t.equal(plainName('rxe_icrc_hdr.isra.0'), 'rxe_icrc_hdr');
  t.equal(plainName('rxe_post_send'), 'rxe_post_send');
  t.end();
});
