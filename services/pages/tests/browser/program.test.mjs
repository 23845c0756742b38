// Both pages over the real program, end to end.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertWhole, browserTest, closeBrowser, positions, reached, rowsShown, status, until } from './harness.mjs';
import { positionsShown, walk } from './console-steps.mjs';
import { Program, skip } from './program.mjs';

const TOPICS = '/ui/clusters/local/all-topics';
/** @type {Program} */
let program;

before(async () => {
  if (skip) return;
  program = await Program.prepare();
  await program.start();
});
after(async () => {
  await closeBrowser();
  await program?.remove();
});

const key = ([p, o]) => `${p}:${o}`;

/**
 * The page holds what the log holds, each line once. The server leaves out a line that was written
 * twice (a worker that is killed repeats its last step), so offsets may have holes.
 */
async function holdsTheLog(page) {
  let [there, here] = [[], []];
  const same = async () => {
    [there, here] = [await program.positions(), (await positions(page)).map(key)];
    return there.length > 0 && there.length === here.length;
  };
  await until(same, 'as many lines as the log has', 60_000).catch((error) => {
    const missing = there.filter((at) => !here.includes(at));
    const extra = here.filter((at) => !there.includes(at));
    throw new Error(`${error.message}; missing ${missing}; extra ${extra}`);
  });
  assert.equal(new Set(here).size, here.length, 'a line is held twice');
  assert.deepEqual(here.sort(), there.sort());
}

browserTest('the program’s live page loads without a fault', { skip }, async (page) => {
  await page.goto(program.live);
  await reached(page, 'live');
  await page.waitForSelector('[data-test=empty]');
});

browserTest('register, log in and pay by the buttons', { skip }, async (page) => {
  await page.goto(program.live);
  await reached(page, 'live');
  await page.click('[data-test=register]');
  const name = await page.inputValue('[data-test=name]');
  await page.locator('[data-test=outcome]').filter({ hasText: /^201$/ }).waitFor();
  await rowsShown(page).filter({ hasText: `User ${name} registered successfully` }).waitFor();
  await page.click('[data-test=login]');
  await page.waitForSelector(`[data-test=session] >> text=${name}`);
  await page.click('[data-test=pay]');
  await page.waitForSelector('text=202 · confirmed');
  await page.click('[data-test=sold-out]');
  await page.waitForSelector('text=202 · rejected (out_of_stock)');
  await page.selectOption('[data-test=sku]', 'moon-rock');
  await page.click('[data-test=pay]');
  await page.waitForSelector('text=202 · rejected (unknown_sku)');
  await page.click('[data-test=wrong-password]');
  await page.locator('[data-test=outcome]').filter({ hasText: /^401$/ }).waitFor();
  await page.locator('[data-test=answer]').filter({ hasText: 'confirmed' }).locator('text=Its lines').first().click();
  await until(async () => (await rowsShown(page).count()) >= 2, 'the lines of the payment’s trace');
});

test('a name that is markup is refused', { skip }, async () => {
  const answer = await fetch(`${program.users}/register`, { method: 'POST', body: new URLSearchParams({ username: '<img src=x onerror=alert(1)>', password: 'correct horse' }) });
  assert.equal(answer.status, 422);
  assert.match(answer.headers.get('content-type') ?? '', /problem\+json/);
});

browserTest('a killed program: rows stay, and afterwards every line is there once', { skip }, async (page) => {
  await page.goto(program.live);
  await reached(page, 'live');
  for (let round = 1; round <= 2; round += 1) {
    const paying = program.pay(60).catch(() => {}); // cut off by the kill
    await until(async () => (await positions(page)).length > 30 * round, 'lines to lose');
    await program.stop('SIGKILL');
    await paying;
    await reached(page, 'disconnected');
    const kept = (await positions(page)).length;
    assert.ok(await rowsShown(page).count(), 'the rows stay');
    await program.start();
    await program.pay(10);
    await until(async () => (await status(page)).connections === round + 1, 'connected again', 30_000);
    await until(async () => (await positions(page)).length > kept, 'new lines');
    await holdsTheLog(page);
  }
  assert.equal((await status(page)).duplicates, 0);
});

browserTest('the console shows topics, groups and every record once', { skip }, async (page) => {
  await program.pay(5);
  await page.goto(`${program.console}/`);
  await page.waitForURL(`**${TOPICS}`);
  await page.waitForSelector('[data-test=topics]');
  const names = await page.locator('[data-test=topics] tbody th').allTextContents();
  for (const name of ['inventories', 'logs', 'notifications', 'stock']) assert.ok(names.includes(name), `${name} in ${names}`);
  await until(async () => /inventories-service.*(no lag|lag \d)/.test(await page.locator('[data-test=topics] tr').filter({ hasText: 'inventories-service' }).first().textContent()), 'a group with its lag');
  await page.goto(`${program.console}${TOPICS}/logs/messages?mode=EARLIEST`);
  const shown = await walk(page);
  assertWhole(/** @type {any} */ (shown.map((position) => position.split(':').map(Number))));
  assert.equal(new Set(shown).size, shown.length);
  for (const at of await program.positions()) assert.ok(shown.includes(at), `${at} is missing`);
  await page.goto(`${program.console}${TOPICS}/logs/messages`);
  const newest = await walk(page);
  assert.deepEqual([...newest].sort(), [...shown].sort());
  const [p, o] = newest[0].split(':');
  await page.goto(`${program.console}${TOPICS}/logs/messages?mode=FROM_OFFSET&offset=${o}&partitions=${p}&limit=1`);
  await until(async () => (await positionsShown(page)).join() === newest[0], 'the one record');
  await page.waitForSelector('[data-test=record] >> text=comptoir.log.written.v1');
  await page.goto(`${program.console}/ui/clusters/local/consumer-groups/payments-service`);
  await page.waitForSelector('[data-test=group-partitions]');
  assert.equal(await page.locator('[data-test=group-partitions] tbody tr').count(), 3);
});

test('the program stops cleanly with a page open', { skip }, async () => {
  assert.equal(await program.stop('SIGTERM'), 0);
});
