import { Eta } from 'eta';
import { PAGE, STYLE, TABLE } from './html-templates.ts';
import { htmlView } from './html-view.ts';
import type { Run } from './results.ts';

/**
 * The run as one page for a browser, which loads nothing and runs no script: what a maintainer without
 * the hardware reads. Templates escape all that they are given.
 */
export function htmlReport(run: Run): string {
  const eta = new Eta();
  eta.loadTemplate('@style', STYLE);
  eta.loadTemplate('@table', TABLE);
  return eta.renderString(PAGE, htmlView(run));
}
