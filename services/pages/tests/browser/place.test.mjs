// Links to single lines, and copying, over the fake server.
import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';
import { FakeServer } from './fake-server.mjs';
import { browserTest, clipboard, closeBrowser, positions, reached, rowsShown, status, until } from './harness.mjs';

/** @type {FakeServer} */
let server;

before(async () => { server = await new FakeServer().start(); });
beforeEach(() => server.log.recreate());
after(async () => {
  await closeBrowser();
  await server.stop();
});

/** Lines in all partitions, a second apart for each partition, with a hidden repeat now and then. */
function fill(count) {
  const began = Date.now() - count * 1000;
  for (let i = 0; i < count; i += 1) {
    for (let p = 0; p < 3; p += 1) {
      if (i % 50 === 49) server.log.repeat(p);
      else server.log.write('payments-service', `line ${p}:${i}.`, { partition: p })[2] = began + i * 1000 + p;
    }
  }
}

const marked = (page) => page.locator('.row.marked');

browserTest('a link to a line shows it among its neighbours, and goes on from there', {}, async (page) => {
  fill(3000);
  await page.goto(`${server.live}/?at=1:1234`);
  await marked(page).waitFor();
  await reached(page, 'paused');
  assert.ok((await marked(page).textContent()).includes('line 1:1234.'));
  const box = await marked(page).boundingBox();
  const frame = await page.locator('.viewport').boundingBox();
  assert.ok(box.y > frame.y + frame.height / 4 && box.y < frame.y + frame.height * 0.75, 'in the middle');
  await until(async () => (await status(page)).held >= 3 * (3000 - 1034) * 0.97, 'what follows');
  const held = await positions(page);
  const at = held.findIndex(([p, o]) => p === 1 && o === 1234);
  assert.ok(at >= 200, `${at} lines before it`);
  assert.equal((await status(page)).shown, at + 201, 'and 200 after it');
  for (const [p, o] of [[0, 1235], [2, 1233]]) assert.ok(held.findIndex(([q, n]) => p === q && o === n) > 0, `${p}:${o} is a neighbour`);
  for (let p = 0; p < 3; p += 1) {
    const offsets = held.filter(([q]) => q === p).map(([, o]) => o);
    const wanted = server.log.partitions[p].slice(offsets[0]).filter(Boolean).map(([, o]) => o);
    assert.deepEqual(offsets, wanted, `partition ${p} from there to its end`);
  }
  const top = await rowsShown(page).first().textContent();
  await page.click('.state >> text=Resume');
  await reached(page, 'live');
  assert.equal(await rowsShown(page).first().textContent(), top, 'the view stays');
  assert.equal(new URL(page.url()).search, '');
  await page.click('[data-test=to-end]');
  await until(async () => (await rowsShown(page).last().textContent()).includes('line 2:2998.'), 'the newest line');
});

browserTest('a link in a short log brings all of it', {}, async (page) => {
  fill(20);
  await page.goto(`${server.live}/?at=2:3`);
  await marked(page).waitFor();
  assert.ok((await marked(page).textContent()).includes('line 2:3.'));
  await until(async () => (await status(page)).held === 60, 'every line');
});

browserTest('a link survives a connection that breaks on the way', {}, async (page) => {
  fill(400);
  let refused = 0;
  await page.route('**/api/lines?*', (route) => {
    refused += 1;
    return refused === 1 ? route.abort() : route.continue();
  });
  await page.goto(`${server.live}/?at=0:150`);
  await marked(page).waitFor();
  assert.ok(refused > 1);
});

browserTest('a link to a line that is gone says so', {}, async (page) => {
  fill(30);
  server.log.earliest = [10, 0, 0];
  for (const at of ['0:4', '0:700', '9:0']) {
    await page.goto(`${server.live}/?at=${at}`);
    await page.waitForSelector(`[data-test=alarm] >> text=There is no line ${at}`);
    await reached(page, 'live');
    await until(async () => (await status(page)).held === 80, 'the newest lines');
    assert.equal(new URL(page.url()).search, '');
  }
  await page.click('[data-test=alarm] >> text=Dismiss');
  assert.equal(await page.textContent('[data-test=alarm]'), '');
});

browserTest('keys and a button copy a line and the link to it', { permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
  const row = server.log.write('users-service', 'User ada logged in', { partition: 2, fields: { username: 'ada' }, trace: 'ab'.repeat(16) });
  await page.goto(server.live);
  await reached(page, 'live');
  await rowsShown(page).first().waitFor();
  await page.focus('.viewport');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('l');
  await page.waitForSelector('[data-test=said] >> text=Link copied');
  const link = `${server.live}/?at=2:0`;
  assert.equal(await clipboard(page), link);
  await page.keyboard.press('c');
  await page.waitForSelector('[data-test=said] >> text=Line copied');
  assert.equal(await clipboard(page), `${new Date(row[2]).toISOString()} INFO users-service User ada logged in id=${row[7].id} username=ada trace=${row[5]}`);
  await page.keyboard.press('Enter');
  await page.click('[data-test=drawer] >> text=Copy link');
  await page.waitForSelector('[data-test=drawer] >> text=Copied');
  assert.equal(await clipboard(page), link);
  await page.goto(link);
  await marked(page).waitFor();
});

browserTest('repeats that the server hides leave holes and nothing else', {}, async (page) => {
  fill(120);
  await page.goto(server.live);
  await reached(page, 'live');
  server.log.dropAll();
  server.log.repeat(0);
  server.log.write('users-service', 'behind the hole', { partition: 0 });
  await reached(page, 'reconnected');
  await rowsShown(page).filter({ hasText: 'behind the hole' }).waitFor();
  const held = (await positions(page)).map(String);
  assert.equal(new Set(held).size, held.length);
  assert.equal((await status(page)).duplicates, 0);
  assert.ok(held.includes('0,121') && !held.includes('0,120') && !held.includes('0,99'));
});
