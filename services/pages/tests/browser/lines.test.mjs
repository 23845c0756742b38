// The ring, the view and the filter, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPACITY, HELD_CAPACITY, Lines, View, keyOf, parseFilter, withKey } from '../../ui/live/lines.js';

const row = (p, o, more = {}) => {
  const { level = 2, service = 'payments-service', trace = '4f2a', msg = `line ${p}:${o}`, fields = {} } = more;
  return [p, o, 1_764_900_000_000 + o, level, service, trace, msg, fields];
};
const filled = (count) => {
  const lines = new Lines();
  for (let o = 0; o < count; o += 1) lines.add(row(0, o));
  return lines;
};
const passes = (text, more) => {
  const lines = new Lines();
  lines.add(row(0, 0, more));
  const filter = parseFilter(text);
  return filter === null || filter.test(lines.get(0));
};

test('a line comes in once', () => {
  const lines = new Lines();
  for (const o of [5, 6, 5, 6, 7]) lines.add(row(1, o));
  lines.add(row(0, 5));
  assert.deepEqual(lines.positions(), [[1, 5], [1, 6], [1, 7], [0, 5]]);
  assert.equal(lines.duplicates, 2);
});

test('offsets may go up and down within a frame', () => {
  const lines = new Lines();
  for (const o of [2, 0, 1]) lines.add(row(0, o));
  lines.add(row(1, 4));
  lines.settle(new Map([[0, 3], [1, 4]])); // 1:4 came, 1:3 did too, and 1:4 is sent again after a break
  for (const [p, o] of [[0, 2], [0, 1], [1, 4], [1, 3]]) assert.equal(lines.add(row(p, o)), false);
  assert.equal(lines.add(row(0, 3)), true);
  assert.deepEqual(lines.positions(), [[0, 2], [0, 0], [0, 1], [1, 4], [0, 3]]);
});

test('the ring keeps the newest lines, and the ones being read', () => {
  const lines = filled(CAPACITY + 10);
  lines.trim();
  assert.equal(lines.size, CAPACITY);
  lines.hold = lines.first;
  for (let o = CAPACITY + 10; o < CAPACITY + 5000; o += 1) lines.add(row(0, o));
  lines.trim();
  assert.equal(lines.first, lines.hold);
  assert.equal(lines.full, false);
  for (let o = CAPACITY + 5000; !lines.full; o += 1) lines.add(row(0, o));
  assert.ok(lines.size < HELD_CAPACITY);
});

test('a view follows the ring with and without a filter', () => {
  const lines = filled(1000);
  const view = new View(lines);
  assert.equal(view.length, 1000);
  view.setFilter(parseFilter('/:\\d*7$/'));
  while (!view.work(1));
  assert.equal(view.length, 100);
  assert.equal(view.at(0).o, 7);
  assert.equal(view.indexOf(18), 2);
  view.limit = 500;
  assert.deepEqual([view.length, view.behind], [50, 50]);
});

test('a filter', () => {
  assert.ok(passes('', {}));
  assert.ok(passes('Mug', { msg: 'a coffee-mug' }));
  assert.ok(passes('"coffee mug"', { msg: 'Coffee Mug sold' }));
  assert.ok(!passes('coffee tea', { msg: 'coffee' }));
  assert.ok(!passes('-coffee', { msg: 'coffee' }));
  assert.ok(!passes('-"a b"', { msg: 'a b' }));
  assert.ok(passes('/declin(ed|ing)/', { msg: 'Declining' }));
  assert.ok(passes('sku=coffee-mug', { fields: { sku: 'coffee-mug' } }));
  assert.ok(passes('svc:payments,users', {}));
  assert.ok(!passes('svc:users', {}));
  assert.ok(!passes('-svc:pay', {}));
  assert.ok(passes('level:warn+', { level: 4 }));
  assert.ok(!passes('level:warn', { level: 4 }));
  assert.ok(!passes('level:warn+', { level: 2 }));
  assert.ok(passes('trace:4f', {}));
  assert.ok(passes('svc:', {}), 'an unfinished part lets everything through');
  assert.throws(() => parseFilter('/(/'), SyntaxError);
});

test('a part of a filter is replaced and read back', () => {
  assert.equal(withKey('level:warn+ mug', 'level', 'error'), 'level:error mug');
  assert.equal(withKey('a svc:users b', 'svc', ''), 'a b');
  assert.equal(withKey('', 'svc', 'users'), 'svc:users');
  assert.equal(keyOf('a svc:users b', 'svc'), 'users');
});
