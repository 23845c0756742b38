// Accessibility: axe over both pages in their usual states.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import { FakeServer } from './fake-server.mjs';
import { browserTest, closeBrowser, reached, rowsShown, until } from './harness.mjs';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const TOPICS = '/ui/clusters/local/all-topics';
/** @type {FakeServer} */
let server;

before(async () => {
  server = await new FakeServer().start();
  for (let i = 0; i < 60; i += 1) server.shop.event('payment.confirmed', i % 2 ? 'payments-service' : 'users-service', `p${i}`, 'ab'.repeat(16), `Payment p${i} confirmed`, { sku: 'coffee-mug' }, 2 + (i % 3));
  server.topics.groups.get('notifications-service').stopped = true;
  server.topics.produce('notifications', 'k', { type: 'comptoir.x.v1', source: 's' }, 1);
  for (const state of ['open', 'replayed', 'not_replayable']) server.dead.bury('stock', { state, reason: 'the event log refuses the record: '.repeat(8), value: 'x'.repeat(500) });
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

async function check(page, what) {
  // From the driver's side, so that the page's policy stays as it is.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await readAxe());
  const { violations } = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), TAGS);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary}`).join('\n  ')}`);
  assert.deepEqual(found, [], what);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${what}: ${overflow} px too wide`);
}

const readAxe = () => readFile(axePath, 'utf8');

for (const colorScheme of /** @type {const} */ (['dark', 'light'])) {
  for (const width of [1280, 390, 320]) {
    const options = { colorScheme, viewport: { width, height: 844 }, hasTouch: width < 720 };
    browserTest(`live page, ${colorScheme}, ${width} px`, options, async (page) => {
      await page.goto(server.live);
      await reached(page, 'live');
      await page.waitForSelector('[data-test=register]', { state: 'attached' });
      await check(page, 'lines');
      await rowsShown(page).nth(10).click(); // the first ones lie above the edge
      await page.waitForSelector('[data-test=drawer]');
      await check(page, 'details');
      await page.click('[data-test=close]');
      if (width < 720) await page.click('.tabs >> text=Try it');
      await page.click('[data-test=register]');
      await page.click('[data-test=wrong-password]');
      await page.waitForSelector('[data-test=outcome] >> text=401');
      await check(page, 'answers');
      await page.click('[aria-label="Help and keys"]');
      await page.waitForSelector('dialog[open]');
      await check(page, 'help');
      await page.keyboard.press('Escape');
      if (width < 720) await page.click('.tabs >> text=Log');
      await page.fill('#filter', '/(/');
      await check(page, 'a filter that is none');
      await page.fill('#filter', 'nothing at all has this');
      await page.waitForSelector('[data-test=filter-empty]');
      await check(page, 'no match');
    });
    browserTest(`console, ${colorScheme}, ${width} px`, options, async (page) => {
      await page.goto(server.console + TOPICS);
      await page.waitForSelector('[data-test=topics]');
      await check(page, 'overview');
      await page.goto(`${server.console}${TOPICS}/notifications/messages?limit=5`);
      await page.locator('[data-test=message] button').first().click();
      await page.waitForSelector('[data-test=record] pre');
      await check(page, 'messages');
      await page.goto(`${server.console}${TOPICS}/notifications`);
      await page.waitForSelector('[data-test=partitions]');
      await check(page, 'partitions');
      await page.goto(`${server.console}/ui/clusters/local/consumer-groups/notifications-service`);
      await page.waitForSelector('[data-test=group-partitions]');
      await check(page, 'group');
      await page.goto(`${server.console}/ui/clusters/local/dead-letters?topic=stock&state=all`);
      await page.locator('[data-test=letter] .sorter').first().click();
      await page.waitForSelector('[data-test=letter-facts]');
      await page.evaluate(() => scrollTo(0, 0)); // what lies half under the header is no target of its full size
      await check(page, 'dead letters');
      await page.click('[data-test=replay-all]');
      await page.waitForSelector('dialog[open]');
      await check(page, 'asking');
      await page.keyboard.press('Escape');
      server.topics.down = true;
      try {
        await page.waitForSelector('[data-test=stale]');
        await check(page, 'old data');
      } finally {
        server.topics.down = false;
      }
      await until(async () => (await page.locator('[data-test=stale]').count()) === 0, 'fresh again');
    });
  }
}
