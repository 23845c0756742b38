// Steps that the console's tests on the fake server and on the program share.
import { until } from './harness.mjs';

export const prettyJsonOf = (/** @type {string} */ text) => JSON.stringify(JSON.parse(text), null, 2);

/** `partition:offset` of the records in sight. */
export const positionsShown = (page) => page.locator('[data-test=message]').evaluateAll((rows) => rows.map((row) => row.dataset.position));

/** Pages on to the end; every position in the order it was shown. */
export async function walk(page) {
  await page.waitForSelector('[data-test=message]');
  const seen = [];
  for (;;) {
    const here = await positionsShown(page);
    seen.push(...here);
    if (await page.isDisabled('[data-test=next]')) return seen;
    await page.click('[data-test=next]');
    await until(async () => { const now = await positionsShown(page); return now.length && now[0] !== here[0]; }, 'the next page');
  }
}
