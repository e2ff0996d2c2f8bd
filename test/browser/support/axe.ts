import { readFileSync } from 'node:fs';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** axe-core's findings on the current page, of the levels that lock somebody out; a line each. */
export async function violations(page: Page): Promise<readonly string[]> {
  // Evaluated, not added as a script: the page allows only its own scripts.
  const found = await page.evaluate<AxeResults['violations']>(`${AXE};axe.run().then(({ violations }) => violations)`);
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
    );
}
