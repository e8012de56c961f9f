import t from 'tap';
import type { PlanInput } from './plan.ts';
import { NO_FILTERS } from './sample-filters.ts';
import {
  CASES,
  FENCE,
  filters,
  GEM_DEVICE,
  GEM_ONLY,
  HEAP_DEVICE,
  PROVIDERS,
  plan,
} from './sample-plan.ts';
import { selectCases, selectDevices } from './select.ts';

const unknown: readonly (readonly [Partial<PlanInput['filters']>, string])[] = [
  [{ areas: ['aloc'] }, "there is no area 'aloc'; did you mean 'alloc'? known: "],
  [{ rules: ['ALLOC-010'] }, "there is no rule with cases 'ALLOC-010'; did you mean 'ALLOC-001'? "],
  [{ providers: ['gen'] }, "there is no provider 'gen'; did you mean 'gem'? known: gem, heap"],
  [{ devices: ['gem@gen'] }, "there is no device 'gem@gen'; did you mean 'gem@gem'? known: "],
  [{ ids: ['alloc/size/ani'] }, "there is no id 'alloc/size/ani'; did you mean 'alloc/size/any'? "],
  [{ exclude: ['nothing/*'] }, "there is no id 'nothing/*'; did you mean "],
  [
    { ids: ['alloc/size/any[size=3]'] },
    "there is no point 'alloc/size/any[size=3]'; did you mean 'alloc/size/any[size=1]'? known: ",
  ],
  [
    { exclude: ['alloc/size/any[size=3]@gem@gem'] },
    "there is no point 'alloc/size/any[size=3]@gem@gem'; did you mean 'alloc/size/any[size=1]'? ",
  ],
  [
    { ids: ['alloc/size/any@gem@gen'] },
    "there is no point 'alloc/size/any@gem@gen'; did you mean 'alloc/size/any[size=1]@gem@gem'? ",
  ],
];

t.test('filters that match nothing are refused with the nearest name', async (t) => {
  for (const [some, says] of unknown) {
    try {
      plan(filters(some));
      t.fail(says);
    } catch (error) {
      t.match(error, { name: 'UsageError' });
      t.equal(error instanceof Error ? error.message.slice(0, says.length) : '', says);
    }
  }
});

t.test('devices and cases can be selected before anything is probed', async (t) => {
  const found = [GEM_DEVICE, HEAP_DEVICE];
  t.strictSame(selectDevices(found, { providers: ['gem'], devices: [] }, PROVIDERS), [GEM_DEVICE]);
  t.strictSame(selectDevices(found, { providers: [], devices: ['heap'] }, PROVIDERS), [
    HEAP_DEVICE,
  ]);
  t.strictSame(selectCases(CASES, { ...NO_FILTERS, ids: ['**/one'] }), [GEM_ONLY, FENCE]);
});
