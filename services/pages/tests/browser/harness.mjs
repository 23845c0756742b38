// What every browser test needs: the system's Chromium, pages that record what went wrong, screenshots on failure.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const failures = join(dirname(fileURLToPath(import.meta.url)), 'failures');
const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
const ARGS = [
  '--disable-background-networking', '--disable-component-update', '--disable-default-apps', '--disable-sync',
  '--no-first-run', '--metrics-recording-only',
  // Chromium's sandbox refuses to run as root, which is what a container's user is.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

/** @type {import('playwright-core').Browser | undefined} */
let browser;

async function launched() {
  if (!existsSync(executablePath)) throw new Error(`There is no browser at ${executablePath}: install chromium, or name one in CHROMIUM`);
  browser ??= await chromium.launch({ executablePath, args: ARGS });
  return browser;
}

export async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

/**
 * A page in a profile of its own. `page.faults` collects errors, refused loads and requests to other hosts.
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function newPage(options) {
  const context = await (await launched()).newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark', ...options });
  const page = await context.newPage();
  const faults = [];
  const requests = [];
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket));
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    // A request that is meant to fail logs an error of its own; everything else has to be silent.
    if (message.type() === 'error' && !/^Failed to load resource|WebSocket connection to/.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    requests.push(request);
    const { hostname, protocol } = new URL(request.url());
    if (!['localhost', '127.0.0.1'].includes(hostname) && protocol !== 'data:') faults.push(`off host: ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return Object.assign(page, { faults, requests, sockets });
}

/**
 * A test with a page; a failure leaves a screenshot behind.
 * @param {string} name @param {{ skip?: string | false, timeout?: number } & import('playwright-core').BrowserContextOptions} options
 * @param {(page: Awaited<ReturnType<typeof newPage>>) => Promise<void>} body
 */
export function browserTest(name, { skip = false, timeout = 120_000, ...options }, body) {
  test(name, { skip, timeout }, async () => {
    const page = await newPage(options);
    try {
      await body(page);
      if (page.faults.length) throw new Error(page.faults.join('\n'));
    } catch (error) {
      mkdirSync(failures, { recursive: true });
      await page.screenshot({ path: join(failures, `${name.replace(/[^\w]+/g, '-')}.png`) }).catch(() => {});
      throw error;
    } finally {
      await page.context().close();
    }
  });
}

const sleep = (/** @type {number} */ ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Waits until `read` answers with something true. @template T @param {() => T | Promise<T>} read @param {string} what */
export async function until(read, what, timeout = 30_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await read();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${what}`);
    await sleep(50);
  }
}

export const status = (page) => page.evaluate(() => window.comptoir.status());
export const positions = (page) => page.evaluate(() => window.comptoir.positions());
export const rowsShown = (page) => page.locator('.row:not([hidden])');

/** Waits for the page's own word on its connection. @param {string} wanted */
export const reached = (page, wanted, timeout = 30_000) => page.waitForFunction((state) => document.documentElement.dataset.state === state, wanted, { timeout });

/**
 * Throws unless every partition's offsets are there once each, without a hole. Lines leave a full
 * ring in the order they came, by time, so the oldest `edge` offsets may have gone already.
 * @param {[number, number][]} held
 */
export function assertWhole(held, edge = 0) {
  /** @type {Map<number, number[]>} */
  const byPartition = new Map();
  for (const [p, o] of held) byPartition.has(p) ? byPartition.get(p).push(o) : byPartition.set(p, [o]);
  for (const [p, offsets] of byPartition) {
    offsets.sort((a, b) => a - b);
    offsets.forEach((offset, i) => {
      if (i > edge && offset !== offsets[i - 1] + 1) throw new Error(`partition ${p}: ${offset} follows ${offsets[i - 1]}`);
    });
  }
}

/** What lies on the clipboard; the page needs the permission. */
export const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
