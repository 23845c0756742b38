// What people do with the pages of the real program: by keyboard, with its commands, on a first visit.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { browserTest, clipboard, closeBrowser, reached, rowsShown, until } from './harness.mjs';
import { Program, skip } from './program.mjs';

const TOPICS = '/ui/clusters/local/all-topics';
const REQUESTS = 12;
const WEIGHT = 60_000;
const run = promisify(execFile);
/** @type {Program} */
let program;

before(async () => {
  if (skip) return;
  program = await Program.prepare();
  await program.start();
  await program.pay(3);
});
after(async () => {
  await closeBrowser();
  await program?.remove();
});

for (const [what, site, path, usable] of [
  ['live page', 'live', '/', '.row >> text=confirmed'],
  ['overview', 'console', '/', '[data-test=live-link]'],
  ['messages', 'console', `${TOPICS}/notifications/messages`, '[data-test=message]'],
  ['partitions', 'console', `${TOPICS}/notifications`, '[data-test=partitions]'],
  ['group', 'console', '/ui/clusters/local/consumer-groups/payments-service', '[data-test=group-partitions]'],
]) {
  browserTest(`a first visit is light: ${what}`, { skip }, async (page) => {
    await page.goto(program[site] + path);
    await page.waitForSelector(usable);
    await page.waitForSelector(site === 'live' ? '[data-test=register]' : '[data-test=live-link]');
    const requests = page.requests.filter((request) => request.url().startsWith('http'));
    assert.ok(requests.length > 5 && requests.length + page.sockets.length <= REQUESTS, requests.map((request) => request.url()).join('\n'));
    const sizes = await Promise.all(requests.map((request) => request.sizes()));
    const bytes = sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
    assert.ok(bytes > 10_000 && bytes <= WEIGHT, `${bytes} bytes`);
  });
}

/** Tabs on to an element. @param {string} name its data-test */
async function tabTo(page, name) {
  for (let i = 0; i < 60; i += 1) {
    if (await page.evaluate(() => document.activeElement?.getAttribute('data-test')) === name) {
      const ring = await page.evaluate(() => getComputedStyle(/** @type {Element} */ (document.activeElement)).outlineStyle);
      assert.notEqual(ring, 'none', `${name} shows that it has the focus`);
      return;
    }
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not reach ${name}`);
}

browserTest('register, log in, pay and read the result, by keyboard only', { skip }, async (page) => {
  await page.goto(program.live);
  await reached(page, 'live');
  await tabTo(page, 'name');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('keyboard.user');
  await tabTo(page, 'register');
  await page.keyboard.press('Enter');
  await page.locator('[data-test=outcome]').filter({ hasText: /^201$/ }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-test')), 'register', 'the focus stays');
  await tabTo(page, 'login');
  await page.keyboard.press('Space');
  await page.waitForSelector('[data-test=session] >> text=keyboard.user');
  await tabTo(page, 'pay');
  await page.keyboard.press('Enter');
  await page.locator('[data-test=outcome]').filter({ hasText: '202 · confirmed' }).waitFor();
  await rowsShown(page).filter({ hasText: 'User keyboard.user logged in' }).waitFor();
  await tabTo(page, 'lines');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-test=drawer]');
  await tabTo(page, 'record-link');
  const { topic } = await (await fetch(`${program.live}/api/meta`)).json();
  assert.ok((await page.getAttribute('[data-test=record-link]', 'href'))?.startsWith(`${program.console}${TOPICS}/${topic}/messages?`));
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-test=record] >> text=comptoir.log.written.v1');
  await tabTo(page, 'line-link');
  await page.keyboard.press('Enter');
  await page.locator('.row.marked').waitFor();
});

browserTest('a command that was copied does what its button did', { skip, permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
  await page.goto(program.live);
  await reached(page, 'live');
  // What a shell would take for itself, if it stood there unquoted.
  await page.fill('[data-test=password]', `it's $HOME "&" \`id\` %41`);
  const copied = async (what) => {
    const card = page.locator('[data-test=answer]').filter({ has: page.locator('b', { hasText: new RegExp(`^${what}$`) }) }).first();
    await card.locator('text=Copy as curl').click();
    await card.locator('text=Copied').waitFor();
    return clipboard(page);
  };
  const answerOf = async (command, token = '') => {
    const { stdout } = await run('bash', ['-c', `set -u; ${command}`], { env: { ...process.env, TOKEN: token }, timeout: 30_000 });
    return JSON.parse(stdout);
  };
  await page.click('[data-test=register]');
  await page.locator('[data-test=outcome]').filter({ hasText: /^201$/ }).waitFor();
  assert.equal((await answerOf(await copied('Register'))).status, 409, 'the same user once more');
  await page.click('[data-test=login]');
  await page.waitForSelector('[data-test=session] >> text=Signed in');
  const { token } = await answerOf(await copied('Log in'));
  assert.ok(token, 'a token of one’s own');
  await page.click('[data-test=pay]');
  await page.locator('[data-test=outcome]').filter({ hasText: '202 · confirmed' }).waitFor();
  const pay = await copied('Pay');
  assert.ok(pay.includes('Bearer $TOKEN') && !pay.includes(token), pay);
  const payment = await answerOf(pay, token);
  assert.equal(payment.status, 'pending');
  await until(async () => (await (await fetch(`${program.payments}/payments/${payment.id}`, { headers: { authorization: `Bearer ${token}` } })).json()).status === 'confirmed', 'the payment of the command');
  await rowsShown(page).filter({ hasText: payment.id }).first().waitFor();
  assert.equal((await answerOf(pay, 'none')).status, 401);
  await page.click('[data-test=burst]');
  await page.waitForSelector('text=202 · 20 confirmed');
  assert.equal((await answerOf(await copied('Pay ×20'))).status, 'pending');
  await page.click('[data-test=wrong-password]');
  await page.locator('[data-test=outcome]').filter({ hasText: /^401$/ }).waitFor();
  assert.equal((await answerOf(await copied('Wrong password'))).status, 401);
});
