// Whoever asks the system for less motion gets none.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { FakeServer } from './fake-server.mjs';
import { browserTest, closeBrowser, reached, rowsShown } from './harness.mjs';

/** @type {FakeServer} */
let server;

before(async () => {
  server = await new FakeServer().start();
  for (let i = 0; i < 40; i += 1) server.log.write('payments-service', `line ${i}`);
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

/** Elements that move by themselves, or would on a change. */
const moving = (page) => page.evaluate(() => [...document.querySelectorAll('*')].flatMap((element) => ['', '::before', '::after'].map((part) => {
  const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(element, part || null);
  const still = animationName === 'none' && transitionDuration.split(', ').every((time) => parseFloat(time) === 0) && scrollBehavior === 'auto';
  return still ? '' : `${element.tagName}.${element.className}${part}: ${animationName} ${transitionDuration} ${scrollBehavior}`;
}).filter(Boolean)));

browserTest('with reduced motion nothing moves', { reducedMotion: 'reduce' }, async (page) => {
  await page.routeWebSocket(/./, () => {}); // never answered: the page keeps connecting
  await page.goto(server.live);
  await page.waitForSelector('.skeleton', { state: 'attached' });
  assert.deepEqual(await moving(page), [], 'connecting');
  await page.unrouteAll();
});

browserTest('with reduced motion lines and details appear at once', { reducedMotion: 'reduce' }, async (page) => {
  await page.goto(server.live);
  await reached(page, 'live');
  await rowsShown(page).first().waitFor();
  await page.click('[data-test=register]');
  await rowsShown(page).filter({ hasText: 'registered' }).click();
  await page.waitForSelector('[data-test=drawer]');
  await page.click('[aria-label="Help and keys"]');
  await page.waitForSelector('dialog[open]');
  assert.deepEqual(await moving(page), [], 'live page');
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await page.goto(`${server.console}/ui/clusters/local/all-topics/notifications/messages`);
  await page.locator('[data-test=message] button').first().click();
  await page.waitForSelector('[data-test=record]');
  assert.deepEqual(await moving(page), [], 'console');
});
