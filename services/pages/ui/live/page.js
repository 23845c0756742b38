// The live page: what it holds, and the frame around the list.
import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { batch, computed, effect, signal, useSignal } from '@preact/signals';
import { Brand, CopyButton, ThemeButton, clock, count, html, plural, remember, remembered } from '../shared/ui.js';
import { Lines, View, keyOf, parseFilter, withKey } from './lines.js';
import { List } from './list.js';
import { Stream } from './stream.js';

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
const meta = signal({ version: '', mode: '', ports: { users: 3001, payments: 3002, inventories: 3003, console: 8080 } });
/** Modules that the first line does not need; they come after it. */
const later = signal(/** @type {{ Try?: any, Drawer?: any, Help?: any }} */ ({}));
const helpShown = signal(false);
const alarm = signal('');

const state = computed(() => (paused.value && stream.state.value !== 'disconnected' ? 'paused' : stream.state.value));
const url = (/** @type {'users' | 'payments' | 'console'} */ service, path = '') => `${location.protocol}//${location.hostname}:${meta.value.ports[service]}${path}`;

let seen = 0;
let pumping = false;

/** Brings the view, the counters and the list up to date, once a frame. */
function pump() {
  if (pumping) return;
  pumping = true;
  requestAnimationFrame(() => {
    pumping = false;
    if (!list) return;
    if (!view.work(4)) pump();
    batch(() => {
      held.value = view.limit === Infinity ? lines.size : Math.max(0, Math.min(lines.next, view.limit) - lines.first);
      shown.value = view.length;
      fresh.value = paused.value ? view.behind : list.following ? 0 : Math.max(0, view.length - view.indexOf(seen));
      if (services.value.length !== lines.services.size) services.value = [...lines.services].sort();
    });
    list.draw();
    lines.hold = list.reading;
    lines.trim();
    stream.flush();
  });
}

function pause(on = !paused.value) {
  paused.value = on;
  view.limit = on ? lines.next : Infinity;
  pump();
}

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
  const target = `${location.pathname}${query.size ? `?${query}` : ''}`;
  if (step) history.pushState(null, '', target);
  else history.replaceState(null, '', target);
  pump();
}

/** @param {number} seq -1 closes */
function open(seq) {
  openLine.value = seq < 0 ? null : lines.get(seq);
  if (seq < 0) list.viewport.focus({ preventScroll: true });
  else if (!later.value.Drawer) import('./drawer.js').then(({ Drawer }) => { later.value = { ...later.value, Drawer }; }, outdated);
}

/** A module is gone: the program behind this page is another version by now. */
function outdated() { alarm.value = 'Parts of this page could not be loaded. Reload it.'; }

function follow() {
  if (paused.value) pause(false);
  list.follow();
  pump();
}

const page = {
  lines, view, stream, meta, url, paused, following, filterText, openLine, tab, shortcuts, helpShown, alarm,
  pump, pause, filterBy, open, follow, get list() { return list; },
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
    <input id="filter" class="field grow" type="search" placeholder="Filter: text  -without  level:warn+  svc:payments  trace:4f2a  /regex/" aria-label="Filter lines"
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
  const { Try, Drawer, Help } = later.value;
  return html`<a class="skip" href="#filter">Skip to the filter</a>
    <${Header} />
    <main class="body" data-tab=${tab.value} data-drawer=${openLine.value ? 'open' : 'closed'}>
      <h1 class="visually-hidden">Live log</h1>
      <aside class="try" aria-label="Try it">${Try && html`<${Try} page=${page} />`}</aside>
      <${Log} />
      ${Drawer && openLine.value && html`<${Drawer} page=${page} line=${openLine.value} />`}
    </main>
    <nav class="tabs" aria-label="Parts of the page">
      ${[['log', 'Log'], ['try', 'Try it']].map(([id, label]) => html`<button class="button quiet" type="button" aria-current=${tab.value === id ? 'page' : 'false'} onClick=${() => { tab.value = id; }}>${label}</button>`)}
    </nav>
    ${Help && helpShown.value && html`<${Help} page=${page} />`}
    <${Announcer} />`;
}

/** What a screen reader hears: a summary now and then, and what went wrong. Never single lines. */
function Announcer() {
  const text = useSignal('');
  const last = useRef({ next: 0, errors: 0 });
  useEffect(() => {
    const timer = setInterval(() => {
      const news = lines.next - last.current.next;
      const errors = lines.errors - last.current.errors;
      last.current = { next: lines.next, errors: lines.errors };
      text.value = news > 0 && !paused.value ? `${plural(news, 'new line')}, ${plural(errors, 'error')}` : '';
    }, 5000);
    return () => clearInterval(timer);
  }, []);
  const lost = state.value === 'disconnected' && now.value - stream.lostAt.value >= 2000;
  return html`<div class="visually-hidden" role="status">${text.value}</div>
    <div class="visually-hidden" role="alert">${lost ? 'Connection lost. Lines shown stay readable.' : ''}</div>
    <div class="alarm" role="alert">${alarm.value && html`<p>${alarm.value}</p>`}</div>`;
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
stream.start();
// What the first line does not wait for.
Promise.all([import('./try.js'), import('./keys.js'), loadMeta()]).then(([{ Try }, { Help, listenToKeys }]) => {
  later.value = { ...later.value, Try, Help };
  listenToKeys(page);
}, outdated);
