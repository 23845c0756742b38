// Parts both pages are made of: the template tag, formats, theme, copying.
import { h } from 'preact';
import htm from 'htm';
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';

export const html = htm.bind(h);

const numbers = new Intl.NumberFormat('en-US');
const pad = (/** @type {number} */ n, width = 2) => String(n).padStart(width, '0');

/** @param {number} n */
export const count = (n) => numbers.format(n);
/** @param {number} n @param {string} one @param {string} [many] */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** @param {number | null} n */
export function bytes(n) {
  if (n === null || n === undefined) return '–';
  if (n < 1024) return `${n} B`;
  const step = Math.min(4, Math.floor(Math.log2(n) / 10));
  const value = n / 1024 ** step;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][step]}`;
}

/** Local time of day. @param {number} ms @param {boolean} [millis] */
export function clock(ms, millis = true) {
  const d = new Date(ms);
  const hms = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
  return millis ? `${hms}.${pad(d.getMilliseconds(), 3)}` : hms;
}

/** Local date and time; the date only where it is not today's. @param {number} ms */
export function stamp(ms) {
  const d = new Date(ms);
  const today = new Date().toDateString() === d.toDateString();
  return today ? clock(ms) : `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clock(ms)}`;
}

/** A time of day that also tells the date and UTC. @param {{ ms: number, children?: any }} props what to show of it, if not the local time */
export function Time({ ms, children = stamp(ms) }) {
  const iso = new Date(ms).toISOString();
  return html`<time datetime=${iso} title=${`${iso.replace('T', ' ').replace('Z', ' UTC')}`}>${children}</time>`;
}

/** @param {number | null} ms @param {number} now */
export function ago(ms, now) {
  if (ms === null || ms === undefined) return '–';
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 2) return 'just now';
  if (s < 90) return `${s} s ago`;
  if (s < 5400) return `${Math.round(s / 60)} min ago`;
  if (s < 129_600) return `${Math.round(s / 3600)} h ago`;
  return `${Math.round(s / 86_400)} d ago`;
}

/** The palette's name of a service, for classes. @param {string} service */
export const tint = (service) => {
  const name = service.replace(/-service$/, '');
  return ['users', 'payments', 'inventories', 'notifications', 'logs'].includes(name) ? `svc-${name}` : '';
};

/** localStorage may be forbidden; the page then works without a memory. @param {string} key */
export function remembered(key) {
  try { return localStorage.getItem(`comptoir.${key}`); } catch { return null; }
}
/** @param {string} key @param {string} value */
export function remember(key, value) {
  try { localStorage.setItem(`comptoir.${key}`, value); } catch { /* private mode */ }
}

const THEMES = /** @type {const} */ (['auto', 'dark', 'light']);
export const theme = signal(remembered('theme') ?? 'auto');

/** Automatic → dark → light; index.html applies the choice before the first paint. */
export function nextTheme() {
  const next = THEMES[(THEMES.indexOf(/** @type {any} */ (theme.value)) + 1) % THEMES.length];
  theme.value = next;
  remember('theme', next);
  if (next === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}

export function ThemeButton() {
  const label = `Theme: ${theme.value}`;
  return html`<button class="button quiet square" type="button" onClick=${nextTheme} aria-label=${label} title=${label} data-test="theme">
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
      ${theme.value === 'auto' && html`<path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />`}
      ${theme.value === 'dark' && html`<circle cx="8" cy="8" r="6" fill="currentColor" />`}
    </svg>
  </button>`;
}

export function Brand({ title, href }) {
  return html`<a class="brand" href=${href}>
    <svg width="22" height="22" viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" fill="var(--info)" />
      <path d="M4 11h8M4 8h5M4 5h8" stroke="var(--on-info)" stroke-width="1.6" stroke-linecap="round" />
    </svg>
    <span class="brand-name">Comptoir</span><span class="dim">${title}</span>
  </a>`;
}

/** @param {string} text */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without https or localhost there is no clipboard interface; a selection still copies.
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('copying is not allowed here');
}

/** @param {{ text: string | (() => string), label?: string, quiet?: boolean }} props */
export function CopyButton({ text, label = 'Copy', quiet = false }) {
  const [said, say] = useState('');
  const press = async () => {
    try {
      await copy(typeof text === 'function' ? text() : text);
      say('Copied');
    } catch {
      say('Not allowed');
    }
    setTimeout(() => say(''), 1500);
  };
  return html`<button type="button" class=${quiet ? 'link' : 'button'} onClick=${press}>
    <span aria-live="polite">${said || label}</span>
  </button>`;
}

/** Text as indented JSON, or null. @param {string} text */
export function prettyJson(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return null; }
}
