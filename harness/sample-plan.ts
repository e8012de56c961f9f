import type { DeviceRecord } from '../reports/results.ts';
import { GEM, HEAP } from './cases/fixture-cases.ts';
import type { LoadedCase } from './cases/loaded-case.ts';
import { type PlanInput, planPoints } from './plan.ts';
import { NO_FILTERS } from './sample-filters.ts';

/** Cases and devices for tests of what is planned and selected. */

export const PROVIDERS = [GEM, HEAP];

export function device(
  address: string,
  missing: Readonly<Record<string, string>> = {},
): DeviceRecord {
  const provider = PROVIDERS.find(({ name }) => address.startsWith(`${name}@`)) ?? GEM;
  const { name, driver, offers } = provider;
  const capabilities = offers.filter((capability) => !(capability in missing));
  return {
    address,
    provider: name,
    driver,
    node: '/dev/null',
    capabilities,
    missing,
    identity: {},
  };
}

let line = 0;

export function caseOf(id: string, about: Partial<LoadedCase> = {}): LoadedCase {
  const parameters = about.parameters ?? [{}];
  return {
    id,
    area: id.split('/', 1)[0] ?? '',
    file: 'x.json',
    line: ++line,
    title: 'A case',
    rules: ['ALLOC-001'],
    roles: { device: { needs: ['alloc'] } },
    parameters,
    wireParameters: parameters,
    steps: [{ openFds: {} }],
    timeoutMs: 1000,
    exclusive: false,
    destructive: false,
    expectLog: [],
    ...about,
  };
}

export const ANY = caseOf('alloc/size/any', { parameters: [{ size: 1 }, { size: '2 pages' }] });
export const GRID_ROLES = {
  exporter: { needs: ['export'] },
  importer: { needs: ['import'] },
} as const;
export const GRID = caseOf('dma-buf/share/grid', {
  roles: GRID_ROLES,
  rules: ['DMABUF-029'],
});
export const GEM_ONLY = caseOf('drivers/gem/one', {
  roles: { device: { needs: [], provider: ['gem'] } },
});
export const GEM_TOO = caseOf('drivers/gem/two', {
  roles: { device: { needs: [], provider: ['gem'] } },
});
export const FENCE = caseOf('sync/fence/one', { roles: { device: { needs: ['fence'] } } });
export const CASES = [ANY, GRID, GEM_ONLY, GEM_TOO, FENCE];

export const GEM_DEVICE = device('gem@gem');
export const HEAP_DEVICE = device('heap@system');

export function plan(input: Partial<PlanInput>): string[] {
  const defaults: PlanInput = {
    cases: CASES,
    devices: [HEAP_DEVICE, GEM_DEVICE],
    providers: PROVIDERS,
    filters: NO_FILTERS,
    destructive: false,
    timeoutScale: 1,
  };
  return planPoints({ ...defaults, ...input }).map(({ id, skip }) =>
    skip === undefined ? id : `${id} ${skip.class}: ${skip.reason}`,
  );
}

export const filters = (some: Partial<PlanInput['filters']>) => ({
  filters: { ...NO_FILTERS, ...some },
});
