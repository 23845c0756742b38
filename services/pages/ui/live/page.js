// The live page: what it holds, and the frame around the list.
import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { batch, computed, effect, signal } from '@preact/signals';
import { Brand, CopyButton, ThemeButton, clock, copy, count, html, plural, remember, remembered } from '../shared/ui.js';
import { Announcer } from './announce.js';
import { Drawer } from './drawer.js';
import { Help, listenToKeys } from './keys.js';
import { Lines, View, keyOf, parseFilter, withKey } from './lines.js';
import { List } from './list.js';
import { AFTER, cursorBefore, placeIn } from './place.js';
import { Stream } from './stream.js';
import { Try } from './try.js';

const lines = new Lines();
const view = new View(lines);
const stream = new Stream(lines, () => pump());
/** @type {List} */
let list;

const paused = signal(false);
const following = signal(true);
const held = signal(0);
const shown = signal(0);
const fresh = signal(0);
const services = signal(/** @type {string[]} */ ([]));
const filterText = signal(new URLSearchParams(location.search).get('q') ?? '');
const filterError = signal('');
const now = signal(Date.now());
const openLine = signal(/** @type {import('./lines.js').Line | null} */ (null));
const tab = signal('log');
const shortcuts = signal(remembered('shortcuts') !== 'off');
const meta = signal({ version: '', mode: '', topic: 'logs', ports: { users: 3001, payments: 3002, inventories: 3003, console: 8080 } });
const helpShown = signal(false);
const alarm = signal('');
const said = signal('');

const state = computed(() => (paused.value && stream.state.value !== 'disconnected' ? 'paused' : stream.state.value));
const url = (/** @type {'users' | 'payments' | 'console'} */ service, path = '') => `${location.protocol}//${location.hostname}:${meta.value.ports[service]}${path}`;

let seen = 0;
/** The line that the address names, until it is there. */
let place = placeIn(location.search);
let pumping = false;

/** Brings the view, the counters and the list up to date, once a frame. */
function pump() {
  if (pumping) return;
  pumping = true;
  requestAnimationFrame(() => {
    pumping = false;
    if (!list) return;
    if (!view.work(4)) pump();
    else if (place) arrive(place);
    batch(() => {
      held.value = view.limit === Infinity ? lines.size : Math.max(0, Math.min(lines.next, view.limit) - lines.first);
      shown.value = view.length;
      fresh.value = paused.value ? view.behind : list.following ? 0 : Math.max(0, view.length - view.indexOf(seen));
      if (services.value.length !== lines.services.size) services.value = [...lines.services].sort();
    });
    list.draw();
    lines.hold = place ? 0 : list.reading;
    lines.trim();
    stream.flush();
  });
}

function pause(on = !paused.value) {
  paused.value = on;
  view.limit = on ? lines.next : Infinity;
  if (!on) leavePlace();
  pump();
}

/** Holds the view around the line of the address as soon as it has come. @param {{ p: number, o: number }} wanted */
function arrive({ p, o }) {
  const seq = lines.seqOf(p, o);
  if (seq < 0) return;
  place = null;
  paused.value = true;
  view.limit = seq + AFTER + 1;
  list.mark(seq);
}

function leavePlace() {
  place = null;
  list.marked = -1;
  const query = new URLSearchParams(location.search);
  query.delete('at');
  history.replaceState(null, '', addressWith(query));
}

/** Where the stream begins so that it brings the line of the address. @param {any} hello */
async function findPlace(hello) {
  const { p, o } = /** @type {{ p: number, o: number }} */ (place);
  const cursor = await cursorBefore({ p, o }, hello);
  if (cursor !== null) return cursor;
  alarm.value = `There is no line ${p}:${o}: it was removed, or never written. These are the newest lines.`;
  leavePlace();
  return '';
}

const addressWith = (/** @type {URLSearchParams} */ query) => `${location.pathname}${query.size ? `?${query}` : ''}`;

/** @param {string} text @param {boolean} [step] whether Back undoes it */
function filterBy(text, step = false) {
  filterText.value = text;
  try {
    view.setFilter(parseFilter(text));
    filterError.value = '';
  } catch (error) {
    filterError.value = error instanceof Error ? error.message : String(error); // the last good filter stays
    return;
  }
  const query = new URLSearchParams(location.search);
  if (text) query.set('q', text);
  else query.delete('q');
  if (step) history.pushState(null, '', addressWith(query));
  else history.replaceState(null, '', addressWith(query));
  pump();
}

/** @param {number} seq -1 closes */
function open(seq) {
  openLine.value = seq < 0 ? null : lines.get(seq);
  if (seq < 0) list.viewport.focus({ preventScroll: true });
}

/** @param {string} text @param {string} word what to say of it */
async function copied(text, word) {
  said.value = await copy(text).then(() => word, () => 'Copying is not allowed here');
  setTimeout(() => { said.value = ''; }, 2000);
}

function follow() {
  if (paused.value) pause(false);
  list.follow();
  pump();
}

const page = {
  lines, view, stream, state, now, meta, url, paused, following, filterText, openLine, tab, shortcuts, helpShown, alarm, said,
  pump, pause, filterBy, open, follow, copied, get list() { return list; },
};

async function loadMeta() {
  try {
    const answer = await fetch('/api/meta');
    if (answer.ok) meta.value = await answer.json();
  } catch { /* the pill tells that the server is away */ }
}

const PILL = {
  connecting: ['', () => 'connecting…'],
  replaying: ['', () => `replaying ${count(stream.replay.value.done)} / ${count(stream.replay.value.total)}`],
  live: ['good', () => (stream.perSecond.value ? `live · ${plural(stream.perSecond.value, 'line')}/s` : 'live')],
  paused: ['warned', () => `paused · ${count(fresh.value)} new`],
  reconnected: ['good', () => stream.resumed.value],
  reset: ['warned', () => 'the log was recreated'],
  disconnected: ['bad', () => {
    if (now.value - stream.lostAt.value < 2000) return 'reconnecting…';
    const wait = Math.ceil((stream.retryAt.value - now.value) / 1000);
    return `disconnected${stream.why.value ? ` (${stream.why.value})` : ''} · ${wait > 0 ? `retrying in ${wait} s` : 'trying now'}`;
  }],
};

function Pill() {
  const [tone, text] = PILL[state.value];
  return html`<div class="pill state" data-test="state">
    <i class="dot ${tone}"></i><span>${text()}</span>
    ${state.value === 'paused' && html`<button class="link" type="button" onClick=${() => pause(false)}>Resume</button>`}
    ${state.value === 'disconnected' && stream.retryAt.value > 0 && html`<button class="link" type="button" onClick=${() => stream.retryNow()}>Retry now</button>`}
  </div>`;
}

function Header() {
  return html`<header class="top">
    <${Brand} title="Live" href="/" />
    <${Pill} />
    <span class="grow"></span>
    <a class="button quiet" href=${url('console', '/')} data-test="console-link">Topics ↗</a>
    <${ThemeButton} />
    <button class="button quiet square" type="button" aria-label="Help and keys" title="Help and keys" onClick=${() => { helpShown.value = true; }}>?</button>
  </header>`;
}

function Toolbar() {
  const pick = (/** @type {string} */ key) => (/** @type {any} */ event) => filterBy(withKey(filterText.value, key, event.target.value));
  const level = keyOf(filterText.value, 'level');
  const service = keyOf(filterText.value, 'svc');
  const names = services.value.map((name) => name.replace(/-service$/, ''));
  return html`<div class="tools" role="group" aria-label="Filter and view">
    <input id="filter" class="field grow" type="search" placeholder="Filter: text  -without  level:warn+  svc:payments  trace:4f2a" aria-label="Filter lines"
      spellcheck="false" autocomplete="off" value=${filterText.value} aria-invalid=${filterError.value ? 'true' : 'false'} aria-describedby="filter-error"
      onInput=${(/** @type {any} */ event) => filterBy(event.target.value)} />
    <select class="field" aria-label="Level" value=${level} onChange=${pick('level')}>
      <option value="">All levels</option><option value="info+">Info and up</option><option value="warn+">Warnings and up</option><option value="error">Errors</option>
      ${level && !['info+', 'warn+', 'error'].includes(level) && html`<option value=${level}>${level}</option>`}
    </select>
    <select class="field" aria-label="Service" value=${service} onChange=${pick('svc')}>
      <option value="">All services</option>
      ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      ${service && !names.includes(service) && html`<option value=${service}>${service}</option>`}
    </select>
    <button class="button" type="button" aria-pressed=${paused.value ? 'true' : 'false'} onClick=${() => pause()} data-test="pause">${paused.value ? 'Resume' : 'Pause'}</button>
    <span class="dim num" data-test="counter">${view.filter ? `${count(shown.value)} of ${count(held.value)}` : plural(held.value, 'line')}</span>
    <span id="filter-error" class="bad" role="status">${filterError.value}</span>
  </div>`;
}

function Nothing() {
  if (held.value === 0 && ['live', 'paused', 'reconnected', 'reset'].includes(state.value)) {
    const command = `curl -X POST -d "username=alice&password=secret" ${url('users', '/register')}`;
    return html`<div class="nothing" data-test="empty">
      <h2>No lines yet</h2>
      <p>Press <b>Register</b>, or run</p>
      <div class="code"><code>${command}</code><${CopyButton} text=${command} /></div>
    </div>`;
  }
  if (held.value > 0 && shown.value === 0 && view.filter) {
    return html`<div class="nothing" data-test="filter-empty">
      <p>0 of ${plural(held.value, 'line')} match.</p>
      <button class="button" type="button" onClick=${() => filterBy('')}>Clear filter</button>
    </div>`;
  }
  return state.value === 'connecting' && html`<div class="skeleton" aria-hidden="true">${Array.from({ length: 12 }, () => html`<i></i>`)}</div>`;
}

function Log() {
  const viewport = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    list = new List(/** @type {HTMLElement} */ (viewport.current), view, {
      open,
      changed: () => {
        if (!list) return;
        if (following.value && !list.following) seen = lines.next;
        following.value = list.following;
        pump();
      },
    });
    filterBy(filterText.value);
  }, []);
  return html`<section class="log" role="log" aria-live="off" aria-label="Log">
    <${Toolbar} />
    <div class="frame">
      <div class="viewport" ref=${viewport} role="listbox" tabindex="0" aria-label="Log lines" data-test="lines"></div>
      <${Nothing} />
      ${!following.value && html`<button class="button primary end" type="button" onClick=${follow} data-test="to-end">↓ ${fresh.value ? `${count(fresh.value)} new` : 'Newest'}</button>`}
    </div>
  </section>`;
}

function App() {
  return html`<a class="skip" href="#filter">Skip to the filter</a>
    <${Header} />
    <main class="body" data-tab=${tab.value} data-drawer=${openLine.value ? 'open' : 'closed'}>
      <h1 class="visually-hidden">Live log</h1>
      <aside class="try" aria-label="Try it"><${Try} page=${page} /></aside>
      <${Log} />
      ${openLine.value && html`<${Drawer} page=${page} line=${openLine.value} />`}
    </main>
    <nav class="tabs" aria-label="Parts of the page">
      ${[['log', 'Log'], ['try', 'Try it']].map(([id, label]) => html`<button class="button quiet" type="button" aria-current=${tab.value === id ? 'page' : 'false'} onClick=${() => { tab.value = id; }}>${label}</button>`)}
    </nav>
    ${helpShown.value && html`<${Help} page=${page} />`}
    <${Announcer} page=${page} />`;
}

effect(() => { document.documentElement.dataset.state = state.value; });
effect(() => remember('shortcuts', shortcuts.value ? 'on' : 'off'));
// Another run of the program may have other ports.
effect(() => { if (state.value === 'reconnected' || state.value === 'reset') loadMeta(); });
addEventListener('popstate', () => filterBy(new URLSearchParams(location.search).get('q') ?? ''));
setInterval(() => { if (state.value === 'disconnected') now.value = Date.now(); }, 500);

// Read-only, for tests and the curious: what the page holds and how it stands.
Object.defineProperty(window, 'comptoir', {
  value: Object.freeze({
    positions: () => lines.positions(),
    status: () => ({
      state: state.value, following: following.value, held: lines.size, shown: view.length, fresh: fresh.value, duplicates: lines.duplicates,
      connections: stream.connections, logId: stream.logId, boot: stream.boot, holding: stream.held, at: clock(Date.now()),
    }),
  }),
});

render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
listenToKeys(page);
stream.start(place && findPlace);
loadMeta();
