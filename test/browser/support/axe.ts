import { readFileSync } from 'node:fs';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong with the page as it is, of those levels that keep somebody out; a line each. */
export async function violations(page: Page): Promise<readonly string[]> {
  // Evaluated, not added as a script: the page takes no scripts but its own.
  const found = await page.evaluate<AxeResults['violations']>(`${AXE};axe.run().then(({ violations }) => violations)`);
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
    );
}
