// The live page over the fake server, whose faults can be ordered.
import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';
import { FakeServer } from './fake-server.mjs';
import { assertWhole, browserTest, closeBrowser, positions, reached, rowsShown, status, until } from './harness.mjs';

const BURST_SECONDS = process.env.CI ? 20 : 6;
/** @type {FakeServer} */
let server;

before(async () => { server = await new FakeServer().start(); });
beforeEach(() => server.log.recreate());
after(async () => {
  await closeBrowser();
  await server.stop();
});

const fill = (count, message = (i) => `line ${i}`) => { for (let i = 0; i < count; i += 1) server.log.write('payments-service', message(i), { partition: i % 3 }); };

/** Writes `perSecond` lines a second until told to stop; answers how many it wrote. */
function burst(perSecond) {
  let written = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    fill(due - written);
    written = due;
  }, 20);
  return () => { clearInterval(timer); return written; };
}

const topRow = (page) => page.evaluate(() => {
  const viewport = document.querySelector('.viewport').getBoundingClientRect();
  const row = [...document.querySelectorAll('.row:not([hidden])')].find((el) => el.getBoundingClientRect().bottom > viewport.top + 1);
  return `${row.id} at ${Math.round(row.getBoundingClientRect().top - viewport.top)}`;
});

async function holdsAll(page, total) {
  await until(async () => (await status(page)).held === total, `${total} lines held`);
  const held = await positions(page);
  assert.equal(held.length, total);
  assertWhole(held);
}

/** The last line by the page's own order stands in its last row. */
const newestInSight = (page) => until(async () => {
  const [p, o] = (await positions(page)).at(-1);
  return (await rowsShown(page).last().textContent()).includes(server.log.partitions[p][o][6]);
}, 'the newest line in sight');

browserTest('an empty log shows how to make a line', {}, async (page) => {
  await page.goto(server.live);
  await reached(page, 'live');
  const command = `curl -X POST -d "username=alice&password=secret" http://localhost:${server.ports.users}/register`;
  assert.equal(await page.locator('[data-test=empty] code').textContent(), command);
});

browserTest('the buttons register, log in and pay', {}, async (page) => {
  await page.goto(server.live);
  await page.click('[data-test=register]');
  const name = await page.inputValue('[data-test=name]');
  await page.waitForSelector('text=201');
  await rowsShown(page).filter({ hasText: `User ${name} registered successfully` }).waitFor();
  await page.click('[data-test=login]');
  await page.waitForSelector(`[data-test=session] >> text=${name}`);
  assert.ok(!(await page.content()).includes([...server.shop.tokens.keys()][0]), 'the token is not shown');
  await page.click('[data-test=pay]');
  await page.waitForSelector('[data-test=outcome] >> text=202 · pending');
  await page.waitForSelector('[data-test=outcome] >> text=202 · confirmed');
  await page.click('[data-test=sold-out]');
  await page.waitForSelector('text=202 · rejected (out_of_stock)');
  await page.click('[data-test=wrong-password]');
  await page.waitForSelector('[data-test=outcome] >> text=401');
  await page.click('[data-test=burst]');
  await page.waitForSelector('text=202 · 20 confirmed');
  await page.click('[data-test=register]');
  await until(async () => (await page.locator('[data-test=outcome]').filter({ hasText: /^201$/ }).count()) === 2, 'a second click takes a fresh name');
  assert.notEqual(await page.inputValue('[data-test=name]'), name);
  assertWhole(await positions(page));
});

browserTest('a connection that breaks in the middle of a batch loses and repeats nothing', {}, async (page) => {
  fill(50);
  await page.goto(server.live);
  await reached(page, 'live');
  server.log.breakAfter = 120;
  const stop = burst(400);
  await reached(page, 'disconnected');
  assert.ok(await rowsShown(page).count(), 'the rows stay');
  await until(async () => (await status(page)).connections === 2, 'a second connection');
  server.log.dropAll();
  await until(async () => (await status(page)).connections === 3, 'a third connection');
  const written = stop();
  await holdsAll(page, 50 + written);
  assert.equal((await status(page)).duplicates, 0);
});

browserTest('a server that is away is waited for', {}, async (page) => {
  fill(10);
  await page.goto(server.live);
  await reached(page, 'live');
  const { ports } = server;
  await server.stop();
  await reached(page, 'disconnected');
  await page.waitForSelector('text=/retrying in \\d+ s/');
  assert.equal(await rowsShown(page).count(), 10);
  fill(300);
  await server.start(ports);
  await page.click('text=Retry now').catch(() => {}); // it may have come back by itself
  await reached(page, 'reconnected');
  await page.waitForSelector('text=/resumed at .* · 300 lines replayed/');
  await holdsAll(page, 310);
  await reached(page, 'live');
});

browserTest('a socket that has gone silent is left', {}, async (page) => {
  server.log.hbMs = 300;
  try {
    await page.goto(server.live);
    await reached(page, 'live');
    // No frame at all any more, and no close either: a sleeping laptop, a pulled cable.
    for (const client of server.log.clients) { client.stop(); client.schedule = () => {}; }
    fill(5);
    await until(async () => (await status(page)).connections === 2, 'a second connection');
    await holdsAll(page, 5);
  } finally {
    server.log.hbMs = 10_000;
  }
});

browserTest('another log starts over', {}, async (page) => {
  fill(30);
  await page.goto(server.live);
  await reached(page, 'live');
  server.log.recreate();
  fill(4);
  await reached(page, 'reset');
  await page.waitForSelector('text=the log was recreated; older lines are gone');
  await until(async () => (await positions(page)).length === 4, 'the lines of the new log');
  await reached(page, 'live');
  fill(3);
  await until(async () => (await positions(page)).length === 7, 'what is written now');
});

browserTest('the end is found although no line marks it, and what retention took is named', {}, async (page) => {
  fill(30);
  server.log.unreadable = 2;
  await page.goto(server.live);
  await reached(page, 'live');
  server.log.unreadable = 0;
  server.log.earliest = [14, 0, 0];
  server.log.partitions[0].push(...Array.from({ length: 10 }, (_, i) => [0, 10 + i, Date.now(), 2, 'users-service', '', `late ${10 + i}`, {}]));
  server.log.dropAll();
  await page.waitForSelector('text=4 lines of partition 0 were removed by retention');
  await reached(page, 'live');
  await until(async () => (await positions(page)).length === 36, 'the lines behind the gap');
});

browserTest('a burst is followed without loss and without more rows', {}, async (page) => {
  await page.goto(server.live);
  await reached(page, 'live');
  const stop = burst(3000);
  let most = 0;
  const enough = 3000 * BURST_SECONDS;
  await until(async () => {
    most = Math.max(most, await page.locator('.row').count());
    const { following, held } = await status(page);
    assert.ok(following);
    return held >= Math.min(enough, 40_000) && server.log.total >= enough;
  }, `${enough} lines`, 90_000);
  const written = stop();
  assert.ok(most > 10 && most <= 120, `${most} rows`);
  const total = Math.min(written, 50_000);
  await until(async () => (await status(page)).held === total, 'every line');
  assertWhole(await positions(page), written > total ? 500 : 0);
  await newestInSight(page);
});

browserTest('the line being read stays where it is', {}, async (page) => {
  fill(2000);
  await page.goto(server.live);
  await reached(page, 'live');
  const stop = burst(2000);
  await page.mouse.move(700, 400);
  await page.mouse.wheel(0, -600);
  await page.waitForSelector('[data-test=to-end]');
  let top = '';
  await until(async () => { const before = top; top = await topRow(page); return top === before; }, 'the wheel has come to rest');
  const wanted = (await status(page)).held + 5000;
  await until(async () => {
    assert.equal(await topRow(page), top);
    return (await status(page)).held >= wanted;
  }, '5,000 lines more', 60_000);
  stop();
  // Far past what the page keeps: the stream waits instead of taking the line away.
  fill(70_000);
  await until(async () => (await status(page)).holding, 'the stream waits', 60_000);
  assert.equal(await topRow(page), top);
  await page.click('[data-test=to-end]');
  await until(async () => { const { held, holding } = await status(page); return held === 50_000 && !holding; }, 'the rest arrives', 60_000);
  await until(async () => (await positions(page)).some(([p, o]) => p === 0 && o === server.log.next[0] - 1), 'the newest line', 60_000);
  assertWhole(await positions(page), 500);
});

browserTest('pause holds the view and counts, resume shows all', {}, async (page) => {
  fill(100);
  await page.goto(server.live);
  await reached(page, 'live');
  await page.click('[data-test=pause]');
  await reached(page, 'paused');
  const last = await rowsShown(page).last().textContent();
  fill(1284, (i) => `later ${i}`);
  await page.waitForSelector('text=paused · 1,284 new');
  assert.equal(await rowsShown(page).last().textContent(), last);
  await page.click('.state >> text=Resume');
  await reached(page, 'live');
  await holdsAll(page, 1384);
  await newestInSight(page);
});

browserTest('a filter is kept in the address', {}, async (page) => {
  fill(60);
  server.log.write('users-service', 'wrong password', { level: 3 });
  await page.goto(server.live);
  await reached(page, 'live');
  await page.waitForSelector('[data-test=register]'); // the keys come with it
  await page.keyboard.press('/');
  await until(() => page.evaluate(() => document.activeElement.id === 'filter'), 'the filter has the focus');
  await page.keyboard.type('line -/^line .*[0-8]$/');
  await until(async () => (await rowsShown(page).count()) === 6, 'six lines end in 9');
  assert.equal(await page.textContent('[data-test=counter]'), '6 of 61');
  await page.reload();
  await until(async () => (await rowsShown(page).count()) === 6, 'the same after a reload');
  assert.equal(await page.inputValue('#filter'), 'line -/^line .*[0-8]$/');
  await page.fill('#filter', 'line /(/');
  assert.equal(await page.getAttribute('#filter', 'aria-invalid'), 'true');
  assert.equal(await rowsShown(page).count(), 6, 'the last good filter stays');
  await page.fill('#filter', 'nothing has this');
  await page.click('[data-test=filter-empty] >> text=Clear filter');
  await page.selectOption('select[aria-label=Level]', 'warn+');
  await until(async () => (await rowsShown(page).count()) === 1, 'one warning');
  assert.ok(page.url().endsWith('?q=level%3Awarn%2B'), page.url());
});

browserTest('a line is text, whatever it says', {}, async (page) => {
  const evil = '<img src=x onerror="document.title=\'owned\'">';
  server.log.write('users-service', `User ${evil} registered`, { fields: { username: evil } });
  await page.goto(server.live);
  await reached(page, 'live');
  await rowsShown(page).first().click();
  await page.waitForSelector('[data-test=drawer]');
  assert.ok((await page.textContent('[data-test=drawer]')).includes(evil));
  assert.ok((await rowsShown(page).first().textContent()).includes(evil));
  assert.equal(await page.locator('img').count(), 0);
  assert.equal(await page.title(), 'Comptoir · Live');
});

browserTest('details open from the keyboard and give the focus back', {}, async (page) => {
  fill(5);
  await page.goto(server.live);
  await reached(page, 'live');
  await page.focus('.viewport');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-test=drawer]');
  await until(() => page.evaluate(() => document.activeElement.tagName === 'H2'), 'the heading has the focus');
  const link = await page.getAttribute('[data-test=record-link]', 'href');
  assert.match(link, new RegExp(`^http://localhost:${server.ports.console}/ui/clusters/local/all-topics/logs/messages\\?mode=FROM_OFFSET&partitions=\\d&offset=\\d&limit=1$`));
  await page.keyboard.press('Escape');
  await until(() => page.evaluate(() => document.activeElement.classList.contains('viewport')), 'the list has the focus');
});

browserTest('single keys can be switched off', {}, async (page) => {
  fill(3);
  await page.goto(server.live);
  await reached(page, 'live');
  await page.waitForSelector('[data-test=register]');
  await page.focus('.viewport');
  await page.keyboard.press('?');
  await page.click('[data-test=shortcuts]');
  await page.keyboard.press('Escape');
  await page.focus('.viewport');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), '');
  await page.keyboard.press('Space');
  await reached(page, 'paused'); // the list's own key, not a shortcut of the page
});

browserTest('the theme is kept', {}, async (page) => {
  await page.goto(server.live);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await ground(), 'rgb(15, 20, 25)');
  await page.click('[data-test=theme]');
  await page.click('[data-test=theme]');
  assert.equal(await ground(), 'rgb(255, 255, 255)');
  await page.reload();
  assert.equal(await ground(), 'rgb(255, 255, 255)');
});
