// The console's dead letters over the fake server.
import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';
import { FakeServer } from './fake-server.mjs';
import { browserTest, closeBrowser, reached, rowsShown, until } from './harness.mjs';

/** @type {FakeServer} */
let server;
const DEAD = '/ui/clusters/local/dead-letters';
const TOPICS = '/ui/clusters/local/all-topics';
const IMG = '<img src=x onerror="document.title=\'gotcha\'">';

before(async () => { server = await new FakeServer().start(); });
beforeEach(() => { server.dead.letters = []; server.dead.perRequest = 100; });
after(async () => {
  await closeBrowser();
  await server.stop();
});

const shown = (page) => page.locator('[data-test=letter]').evaluateAll((rows) => rows.map((row) => row.dataset.position));
const active = (page) => page.evaluate(() => document.activeElement?.getAttribute('data-test'));

browserTest('the overview tells how many are open and leads to them', {}, async (page) => {
  await page.goto(`${server.console}/`);
  await page.locator('[data-test=dead-letters]').filter({ hasText: 'none open' }).waitFor();
  server.dead.bury('notifications');
  server.dead.bury('notifications', { state: 'replayed' });
  server.dead.bury('stock');
  await page.locator('[data-test=dead-letters]').filter({ hasText: '2 dead letters open' }).waitFor();
  await page.click('[data-test=dead-letters] a');
  await page.waitForURL(`**${DEAD}`);
  assert.equal(await page.title(), 'Dead letters · Comptoir');
  assert.equal(await page.locator('[data-test=dead-topic]').count(), 4);
  assert.match(await page.locator('[data-test=dead-topic]').filter({ hasText: 'notifications' }).textContent(), /notifications110/);
  await until(async () => (await shown(page)).join() === '0:0', 'the open one of the first topic that has any');
  await page.locator('[data-test=dead-topic] a', { hasText: /^stock$/ }).click();
  await page.waitForURL(`**${DEAD}?topic=stock`);
  await page.locator('h2', { hasText: 'Letters of stock' }).waitFor();
});

browserTest('a letter shows everything that is known of it, and markup as text', {}, async (page) => {
  server.dead.bury('notifications', { reason: IMG, value: IMG, replays: 2, copies: 2 });
  await page.goto(`${server.console}${DEAD}?topic=notifications`);
  await page.waitForSelector('[data-test=letter]');
  const row = page.locator('[data-test=letter]');
  assert.ok((await row.textContent())?.includes(IMG), 'the reason as text');
  await row.locator('.sorter').click();
  const facts = await page.textContent('[data-test=letter-facts]');
  for (const fact of [IMG, 'after 5 attempts', '2 times', 'notifications-service', 'key-0', 'application/cloudevents+json']) assert.ok(facts?.includes(fact), `${fact} in ${facts}`);
  assert.equal(await page.textContent('[data-test=letter-facts] pre'), IMG);
  assert.equal(await page.getAttribute('[data-test=source-link]', 'href'), `${TOPICS}/notifications/messages?mode=FROM_OFFSET&offset=40&partitions=0&limit=1`);
  assert.equal(await page.locator('#main img').count(), 0);
  assert.equal(await page.title(), 'Dead letters · Comptoir');
});

browserTest('one that is put back has its effect, and goes from the open ones', {}, async (page) => {
  const trace = 'cd'.repeat(16);
  server.dead.bury('notifications', { onReplay: () => server.shop.event('payment.confirmed', 'payments-service', 'p77', trace, 'Payment p77 confirmed', { sku: 'coffee-mug' }) });
  server.dead.bury('notifications');
  await page.goto(`${server.console}${DEAD}?topic=notifications`);
  await until(async () => (await shown(page)).join() === '0:1,0:0', 'the newest first');
  await page.locator('[data-position="0:0"] [data-test=replay]').click();
  await page.locator('[data-test=outcome]').filter({ hasText: '1 letter put back.' }).waitFor();
  await until(async () => (await shown(page)).join() === '0:1', 'the other one stays');
  await until(async () => (await active(page)) === 'outcome', 'the focus is on what was said, since the button is gone');
  await page.selectOption('[data-test=letter-state]', 'replayed');
  await page.waitForURL(`**${DEAD}?topic=notifications&state=replayed`);
  await until(async () => (await shown(page)).join() === '0:0', 'it is among the replayed ones');
  assert.equal(await page.locator('[data-test=replay]').count(), 0);
  await page.locator('[data-test=letter] .sorter').click();
  assert.equal(await page.textContent('[data-test=replayed-link]'), 'notifications 0:90');
  await page.goto(server.live);
  await reached(page, 'live');
  await rowsShown(page).filter({ hasText: 'Payment p77 confirmed' }).waitFor();
});

browserTest('all are put back once that is confirmed, in as many requests as it takes', {}, async (page) => {
  for (let i = 0; i < 7; i += 1) server.dead.bury('stock');
  server.dead.bury('stock', { state: 'not_replayable' });
  server.dead.perRequest = 3;
  await page.goto(`${server.console}${DEAD}?topic=stock`);
  await page.click('[data-test=replay-all]');
  await page.locator('[data-test=confirm]').filter({ hasText: 'Replay 7 dead letters of stock?' }).waitFor();
  await page.click('[data-test=confirm-no]');
  await page.waitForSelector('[data-test=confirm]', { state: 'detached' });
  assert.equal((await shown(page)).length, 7, 'nothing happened');
  assert.equal(await active(page), 'replay-all', 'the focus is back');
  await page.click('[data-test=replay-all]');
  await page.click('[data-test=confirm-yes]');
  await page.locator('[data-test=outcome]').filter({ hasText: '7 letters put back.' }).waitFor();
  await page.waitForSelector('[data-test=no-letters]');
  await until(async () => page.isDisabled('[data-test=replay-all]'), 'there is nothing left to put back');
  await page.selectOption('[data-test=letter-state]', 'not_replayable');
  await page.locator('[data-test=letter] .sorter').click();
  await page.locator('[data-test=letter-facts]').filter({ hasText: 'was cut to fit' }).waitFor();
});

browserTest('what stays says why, and a console that is away says so', {}, async (page) => {
  server.dead.bury('stock');
  await page.goto(`${server.console}${DEAD}?topic=stock`);
  await page.waitForSelector('[data-test=letter]');
  server.dead.letters[0].shown.state = 'not_replayable';
  server.dead.letters[0].shown.why = 'the test cut it';
  await page.click('[data-test=replay]');
  await page.locator('[data-test=outcome][role=alert]').filter({ hasText: '0 letters put back, 1 not: the test cut it.' }).waitFor();
  server.dead.bury('stock');
  await page.click('[data-test=refresh]');
  await page.waitForSelector('[data-test=replay]');
  server.topics.down = true;
  try {
    await page.click('[data-test=replay]');
    await page.locator('[data-test=outcome][role=alert]').filter({ hasText: 'Broker away: cannot reach the log' }).waitFor();
  } finally {
    server.topics.down = false;
  }
  await page.goto(`${server.console}${DEAD}?topic=absent`);
  await page.locator('[data-test=failed]').filter({ hasText: 'no such topic' }).waitFor();
});

browserTest('pages and links', {}, async (page) => {
  for (let i = 0; i < 60; i += 1) server.dead.bury('stock');
  server.topics.topics.set('stock.dlq', [[], [], []]);
  try {
    await page.goto(`${server.console}${TOPICS}/stock.dlq/messages`);
    await page.click('[data-test=as-letters]');
    await page.waitForURL(`**${DEAD}?topic=stock`);
    await until(async () => (await shown(page)).length === 50, 'a page');
    await page.click('[data-test=next-letters]');
    await until(async () => (await shown(page)).join().startsWith('0:9,'), 'the next page');
    await page.click('[data-test=first-letters]');
    await until(async () => (await shown(page))[0] === '0:59', 'the first page');
  } finally {
    server.topics.topics.delete('stock.dlq');
  }
});

/** Tabs on to an element. @param {string} name its data-test */
async function tabTo(page, name) {
  for (let i = 0; i < 80; i += 1) {
    if (await active(page) === name) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not reach ${name}`);
}

browserTest('one, then all, by keyboard only', {}, async (page) => {
  for (let i = 0; i < 3; i += 1) server.dead.bury('stock');
  await page.goto(`${server.console}${DEAD}?topic=stock`);
  await page.waitForSelector('[data-test=letter]');
  await tabTo(page, 'replay');
  await page.keyboard.press('Enter');
  await until(async () => (await active(page)) === 'outcome', 'what was said has the focus');
  await until(async () => (await shown(page)).length === 2, 'one less');
  await page.keyboard.press('Shift+Tab');
  await until(async () => (await active(page)) === 'replay-all', 'all stands before it');
  await page.keyboard.press('Space');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-test=confirm]', { state: 'detached' });
  assert.equal((await shown(page)).length, 2);
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  await tabTo(page, 'confirm-yes');
  await page.keyboard.press('Enter');
  await page.locator('[data-test=outcome]').filter({ hasText: '2 letters put back.' }).waitFor();
  await page.waitForSelector('[data-test=no-letters]');
});
