// Addresses of the console, and asking its API.
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, html } from '../shared/ui.js';

const ROOT = '/ui/clusters/local';
export const TOPICS = `${ROOT}/all-topics`;
export const GROUPS = `${ROOT}/consumer-groups`;
export const DEAD = `${ROOT}/dead-letters`;
const POLL_MS = 2000;

export const topicPath = (/** @type {string} */ topic, tab = 'messages') => `${TOPICS}/${encodeURIComponent(topic)}${tab ? `/${tab}` : ''}`;
export const groupPath = (/** @type {string} */ group) => `${GROUPS}/${encodeURIComponent(group)}`;
/** One record, by the address Kafka UI has for it too. */
export const recordPath = (/** @type {string} */ topic, /** @type {number} */ partition, /** @type {number} */ offset) => `${topicPath(topic)}?mode=FROM_OFFSET&offset=${offset}&partitions=${partition}&limit=1`;

/** Dead letters of one topic. */
export const deadPath = (/** @type {string} */ topic) => `${DEAD}?topic=${encodeURIComponent(topic)}`;

/** @typedef {{ page: 'overview' | 'topic' | 'group' | 'dead' | 'unknown', topic: string, tab: string, group: string, query: URLSearchParams }} Route */

/** @param {string} path @param {string} search @returns {Route} */
export function routeOf(path, search) {
  const route = { page: /** @type {Route['page']} */ ('unknown'), topic: '', tab: '', group: '', query: new URLSearchParams(search) };
  const [, ui, clusters, , kind, name, tab = ''] = path.split('/').map(decodeURIComponent);
  if (path === '/' || (ui === 'ui' && !kind)) return { ...route, page: 'overview' };
  if (ui !== 'ui' || clusters !== 'clusters') return route;
  if (kind === 'all-topics') return name ? { ...route, page: 'topic', topic: name, tab: tab || 'partitions' } : { ...route, page: 'overview' };
  if (kind === 'dead-letters' && !name) return { ...route, page: 'dead' };
  if (kind === 'consumer-groups') return name ? { ...route, page: 'group', group: name } : { ...route, page: 'overview' };
  return route;
}

/** Port of the live page, once an overview has told it. */
export const livePort = signal(0);
export const liveUrl = (path = '/') => `${location.protocol}//${location.hostname}:${livePort.value}${path}`;

export const route = signal(routeOf(location.pathname, location.search));

/** @param {string} address @param {boolean} [replace] */
export function go(address, replace = false) {
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  route.value = routeOf(location.pathname, location.search);
}

/** @param {string} path below /api/v1 @param {AbortSignal} [abort] */
export async function ask(path, abort) {
  const data = await answered(await fetch(`/api/v1${path}`, { signal: abort }));
  if (data.ports) livePort.value = data.ports.logs;
  return data;
}

/** Asks for a change. @param {string} path below /api/v1 @param {any} order */
export async function send(path, order) {
  return answered(await fetch(`/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(order) }));
}

/** @param {Response} answer */
async function answered(answer) {
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error([problem.title ?? `HTTP ${answer.status}`, problem.detail].filter(Boolean).join(': ')), { status: answer.status });
}

/**
 * The answer to `path`, asked again every two seconds while the page is visible. A failure keeps
 * what was there and says so.
 * @param {string} path @param {boolean} [again]
 */
export function useAnswer(path, again = true) {
  const [answer, setAnswer] = useState(/** @type {{ path: string, data: any, at: number, error: any }} */ ({ path: '', data: null, at: 0, error: null }));
  const reload = useRef(() => {});
  useEffect(() => {
    const abort = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const load = async () => {
      clearTimeout(timer);
      try {
        const data = await ask(path, abort.signal);
        setAnswer({ path, data, at: Date.now(), error: null });
      } catch (error) {
        if (abort.signal.aborted) return;
        setAnswer((before) => (before.path === path ? { ...before, error } : { path, data: null, at: 0, error }));
      }
      if (again && !document.hidden) timer = setTimeout(load, POLL_MS);
    };
    const shown = () => { if (again && !document.hidden) load(); };
    document.addEventListener('visibilitychange', shown);
    reload.current = load;
    load();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
    };
  }, [path, again]);
  const current = answer.path === path ? answer : { path, data: null, at: 0, error: null };
  return { ...current, reload: () => reload.current() };
}

/** What to show of an answer: its data, greyed once it is old, or why there is none. */
export function Answered({ answer, children }) {
  const { data, error, at } = answer;
  if (!data && !error) return html`<p class="pad dim" role="status">Loading…</p>`;
  if (!data) return html`<div class="pad" role="alert" data-test="failed"><p class="bad">${error.message}</p><button class="button" type="button" onClick=${answer.reload}>Try again</button></div>`;
  return html`${error && html`<p class="stale-note" role="alert" data-test="stale">as of ${clock(at, false)} · ${error.message}. Trying again.</p>`}
    <div class=${error ? 'stale' : ''}>${children}</div>`;
}

/** A table that scrolls sideways by itself where the page is narrow. */
export function Table({ label, head, children, name = '' }) {
  return html`<div class="scroll" role="region" aria-label=${label} tabindex="0">
    <table data-test=${name}><thead><tr>${head.map(([text, kind = '']) => html`<th scope="col" class=${kind}>${text}</th>`)}</tr></thead><tbody>${children}</tbody></table>
  </div>`;
}
