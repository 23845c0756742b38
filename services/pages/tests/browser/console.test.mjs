// The topic console over the fake server.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { FakeServer } from './fake-server.mjs';
import { browserTest, closeBrowser, until } from './harness.mjs';
import { prettyJsonOf, positionsShown, walk } from './console-steps.mjs';

/** @type {FakeServer} */
let server;
const TOPICS = '/ui/clusters/local/all-topics';

before(async () => {
  server = await new FakeServer().start();
  const { topics } = server;
  topics.groups.get('payments-service').stopped = true;
  for (let i = 0; i < 130; i += 1) {
    topics.produce('stock', `payment-${i}`, { specversion: '1.0', id: `event-${i}`, type: 'comptoir.stock.reserved.v1', source: 'inventories-service', data: { quantity: i } }, i % 3);
  }
  topics.produce('inventories', 'big', { specversion: '1.0', id: 'big', type: 'comptoir.payment.requested.v1', source: 'payments-service', data: { text: 'x'.repeat(100_000) } }, 0);
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

browserTest('topics and groups with what they lag', {}, async (page) => {
  await page.goto(`${server.console}/`);
  await page.waitForURL(`**${TOPICS}`);
  await page.waitForSelector('[data-test=topics]');
  assert.deepEqual(await page.locator('[data-test=topics] tbody th').allTextContents(), ['inventories', 'logs', 'notifications', 'stock']);
  assert.match(await page.locator('[data-test=topics] tr').filter({ hasText: 'stock' }).textContent(), /130.*payments-service.*lag 130/);
  assert.match(await page.locator('[data-test=groups] tr').filter({ hasText: 'payments-service' }).textContent(), /stable.*130/);
  assert.equal(await page.getAttribute('[data-test=live-link]', 'href'), `${server.live}/`);
  server.topics.produce('notifications', 'a', { type: 'comptoir.x.v1' }, 0);
  await until(async () => /1/.test(await page.locator('[data-test=topics] tr').filter({ hasText: 'notifications' }).locator('td').nth(1).textContent()), 'a new record shows by itself');
  await page.click('button:has-text("Records")');
  assert.equal(await page.locator('[data-test=topics] tbody th').first().textContent(), 'stock');
});

browserTest('paging both ways shows every record once', {}, async (page) => {
  const all = server.topics.topics.get('stock').flat();
  await page.goto(`${server.console}${TOPICS}/stock/messages`);
  const newest = await walk(page);
  assert.equal(newest.length, 130);
  assert.equal(new Set(newest).size, 130);
  const times = newest.map((position) => { const [p, o] = position.split(':').map(Number); return all.find((r) => r.partition === p && r.offset === o).time; });
  assert.deepEqual(times, [...times].sort((a, b) => b - a));
  await page.click('[data-test=previous]');
  await until(async () => (await positionsShown(page))[0] === newest[50], 'the page before');
  await page.selectOption('[data-test=mode]', 'EARLIEST');
  await until(async () => (await positionsShown(page))[0] === newest.at(-1), 'the oldest first');
  assert.deepEqual(await walk(page), [...newest].reverse());
});

browserTest('pages turn by key', {}, async (page) => {
  await page.goto(`${server.console}${TOPICS}/stock/messages`);
  await page.waitForSelector('[data-test=message]');
  const first = await positionsShown(page);
  const turned = (to) => until(async () => { const [top] = await positionsShown(page); return top && (top === first[0]) === to; }, 'another page');
  await page.keyboard.press(']');
  await turned(false);
  await page.keyboard.press('[');
  await turned(true);
  assert.deepEqual(await positionsShown(page), first);
  await page.focus('[data-test=text]');
  await page.keyboard.type(']');
  assert.equal(await page.inputValue('[data-test=text]'), ']');
  assert.deepEqual(await positionsShown(page), first, 'typing turns no page');
  await page.click('[data-test=shortcuts]');
  await page.keyboard.press(']');
  assert.equal(new URL(page.url()).search, '', 'switched off');
});

browserTest('a time tells date and UTC too', {}, async (page) => {
  await page.goto(`${server.console}${TOPICS}/stock/messages?mode=FROM_OFFSET&offset=3&partitions=2&limit=1`);
  await page.waitForSelector('[data-test=message] time');
  const { time } = server.topics.topics.get('stock')[2][3];
  const iso = new Date(time).toISOString();
  assert.equal(await page.getAttribute('[data-test=message] time', 'datetime'), iso);
  assert.equal(await page.getAttribute('[data-test=message] time', 'title'), iso.replace('T', ' ').replace('Z', ' UTC'));
});

browserTest('an offset, a partition and a text', {}, async (page) => {
  await page.goto(`${server.console}${TOPICS}/stock/messages?mode=FROM_OFFSET&offset=42&partitions=0`);
  await until(async () => (await positionsShown(page)).join() === '0:42,0:43', 'from offset 42 on');
  assert.equal(await page.getAttribute('[data-test=partition-0]', 'aria-pressed'), 'true');
  assert.equal(await page.getAttribute('[data-test=partition-1]', 'aria-pressed'), 'false');
  await page.fill('[data-test=offset]', '43');
  await page.keyboard.press('Enter');
  await until(async () => (await positionsShown(page)).join() === '0:43', 'from offset 43 on');
  await page.goto(`${server.console}${TOPICS}/stock/messages`);
  await page.fill('[data-test=text]', 'EVENT-77');
  await page.keyboard.press('Enter');
  await until(async () => (await positionsShown(page)).length === 1, 'the one record with the text');
  assert.ok(page.url().endsWith('?q=EVENT-77'), page.url());
  await page.goBack();
  await until(async () => (await positionsShown(page)).length === 50, 'all of them');
});

browserTest('a record opens to value, headers, key and event', {}, async (page) => {
  await page.goto(`${server.console}${TOPICS}/stock/messages?mode=FROM_OFFSET&offset=7&partitions=1&limit=1`);
  await page.waitForSelector('[data-test=record]');
  const [, , , , , , , record] = server.topics.topics.get('stock')[1];
  assert.equal(await page.textContent('[data-test=record] pre'), prettyJsonOf(record.value));
  await page.click('[data-test=record] >> text=Headers');
  await page.waitForSelector('text=application/cloudevents+json');
  await page.click('[data-test=record] >> text=Key');
  assert.equal(await page.textContent('[data-test=record] pre'), record.key);
  await page.click('[data-test=record] >> text=Event');
  await page.waitForSelector('text=comptoir.stock.reserved.v1');
  const link = await page.getAttribute('[data-test=record-link]', 'href');
  assert.equal(link, `${TOPICS}/stock/messages?mode=FROM_OFFSET&offset=7&partitions=1&limit=1`);
});

browserTest('a long value is fetched whole when it is opened', {}, async (page) => {
  await page.goto(`${server.console}${TOPICS}/inventories/messages`);
  await page.locator('[data-test=message] button').click();
  await until(async () => (await page.textContent('[data-test=record] pre')).length > 100_000, 'the whole value');
});

browserTest('a group’s lag leads to its next unread record', {}, async (page) => {
  server.topics.groups.get('payments-service').committed.set('stock:1', 5);
  await page.goto(`${server.console}/ui/clusters/local/consumer-groups/payments-service`);
  await page.waitForSelector('[data-test=group-partitions]');
  await page.locator('[data-test=lag-link]').nth(1).click();
  await page.waitForURL(`**${TOPICS}/stock/messages?mode=FROM_OFFSET&offset=5&partitions=1&limit=1`);
  await until(async () => (await positionsShown(page)).join() === '1:5', 'record 5');
  await page.waitForSelector('[data-test=record]');
});

browserTest('a failing broker leaves what was there, with its age', {}, async (page) => {
  await page.goto(`${server.console}${TOPICS}`);
  await page.waitForSelector('[data-test=topics]');
  server.topics.down = true;
  try {
    await page.waitForSelector('text=/as of \\d\\d:\\d\\d:\\d\\d · Broker away/');
    assert.equal(await page.locator('[data-test=topics] tbody tr').count(), 4);
  } finally {
    server.topics.down = false;
  }
  await until(async () => (await page.locator('[data-test=stale]').count()) === 0, 'fresh again');
});

browserTest('addresses as Kafka UI has them', {}, async (page) => {
  for (const [path, wanted] of [
    [TOPICS, '[data-test=topics]'], [`${TOPICS}/stock`, '[data-test=partitions]'], [`${TOPICS}/stock/consumer-groups`, '[data-test=consumers]'],
    ['/ui/clusters/local/consumer-groups', '[data-test=groups]'], ['/ui', '[data-test=topics]'], ['/ui/clusters/local/connectors', 'text=No such page'],
    [`${TOPICS}/absent/messages`, '[data-test=failed]'],
  ]) {
    await page.goto(server.console + path);
    await page.waitForSelector(wanted);
  }
});
