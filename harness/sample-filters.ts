import type { Filters } from './select.ts';

/** For tests: nothing is filtered, and so everything is selected. */
export const NO_FILTERS: Filters = {
  ids: [],
  areas: [],
  rules: [],
  providers: [],
  devices: [],
  exclude: [],
};
