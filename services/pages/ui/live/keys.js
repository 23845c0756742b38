// Keys, and the dialog that lists them.
import { useEffect, useRef } from 'preact/hooks';
import { html, nextTheme } from '../shared/ui.js';
import { asText } from './lines.js';
import { linkTo } from './place.js';

const KEYS = [
  [['/'], 'Filter the lines'],
  [['Esc'], 'Close the details, or clear the filter'],
  [['Space'], 'Pause and resume'],
  [['End', 'G'], 'Follow the newest lines'],
  [['↑', '↓', 'j', 'k'], 'Select a line'],
  [['PgUp', 'PgDn', 'Home'], 'Move by a page, or to the oldest line'],
  [['Enter'], 'Details of the selected line'],
  [['t'], 'Only lines of the selected line’s trace'],
  [['c', 'l'], 'Copy the selected line, or a link to it'],
  [['e', 'E'], 'Next and previous error'],
  [['d'], 'Change the theme'],
  [['?'], 'This list'],
];
const TYPING = 'input, textarea, select, [contenteditable]';

/** @param {any} page @param {number} by */
function stepToError(page, by) {
  const { view, list } = page;
  const from = list.selected >= 0 ? view.indexOf(list.selected) + by : by > 0 ? 0 : view.length - 1;
  for (let i = from; i >= 0 && i < view.length; i += by) {
    if (view.at(i).level === 4) return list.select(view.at(i).seq);
  }
  return undefined;
}

/** Keys that select lines work where the list has the focus, shortcuts or not. @param {any} page @param {string} key */
function listKey(page, key) {
  const { list, view } = page;
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: list.page, PageUp: -list.page, Home: -Infinity };
  if (key in moves) list.step(Math.max(-view.length, Math.min(view.length, moves[key])));
  else if (key === 'Enter' && page.lines.find(list.selected)?.p >= 0) page.open(list.selected);
  else if (key === 'End') page.follow();
  else if (key === ' ') page.pause();
  else return false;
  return true;
}

/** @param {any} page @param {string} key */
function shortcut(page, key) {
  const { list } = page;
  switch (key) {
    case '/': page.tab.value = 'log'; requestAnimationFrame(() => document.getElementById('filter')?.focus()); return true;
    case 'G': page.follow(); return true;
    case 'j': list.step(1); return true;
    case 'k': list.step(-1); return true;
    case 'e': stepToError(page, 1); return true;
    case 'E': stepToError(page, -1); return true;
    case 'd': nextTheme(); return true;
    case 'c':
    case 'l': {
      const line = page.lines.find(list.selected);
      if (line?.p >= 0) page.copied(key === 'c' ? asText(line) : linkTo(line), key === 'c' ? 'Line copied' : 'Link copied');
      return true;
    }
    case '?': page.helpShown.value = true; return true;
    case 't': {
      const line = page.lines.find(list.selected);
      if (line?.trace) page.filterBy(`trace:${line.trace.slice(0, 16)}`, true);
      return true;
    }
    default: return false;
  }
}

/** @param {any} page @param {Element} target */
function escape(page, target) {
  if (page.openLine.value) page.open(-1);
  else if (page.filterText.value) page.filterBy('');
  else if (target.matches(TYPING)) page.list.viewport.focus();
  else return false;
  return true;
}

/** @param {any} page */
export function listenToKeys(page) {
  addEventListener('keydown', (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector('dialog[open]')) return;
    let done = false;
    if (event.key === 'Escape') done = escape(page, target);
    else if (target.matches(TYPING)) return;
    else if (target === page.list.viewport) done = listKey(page, event.key) || (page.shortcuts.value && shortcut(page, event.key));
    else if (page.shortcuts.value) {
      // On a button or link, Space and Enter belong to it.
      const free = !target.closest('button, a, summary');
      done = shortcut(page, event.key) || (free && ['End', ' ', 'ArrowDown', 'ArrowUp'].includes(event.key) && listKey(page, event.key));
    }
    if (done) event.preventDefault();
  });
}

/** @param {{ page: any }} props */
export function Help({ page }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    return () => before?.focus({ preventScroll: true });
  }, []);
  const shut = () => { page.helpShown.value = false; };
  return html`<dialog class="help" ref=${dialog} aria-labelledby="help-title" onClose=${shut}
      onClick=${(/** @type {Event} */ event) => { if (event.target === dialog.current) dialog.current?.close(); }}>
    <div class="help-body">
      <header>
        <h2 id="help-title">Keys</h2><span class="grow"></span>
        <button class="button quiet square" type="button" aria-label="Close" onClick=${() => dialog.current?.close()}>✕</button>
      </header>
      <table><tbody>${KEYS.map(([keys, what]) => html`<tr><th scope="row">${keys.map((key) => html`<kbd>${key}</kbd> `)}</th><td>${what}</td></tr>`)}</tbody></table>
      <label class="switch"><input type="checkbox" role="switch" checked=${page.shortcuts.value} onChange=${(/** @type {any} */ event) => { page.shortcuts.value = event.target.checked; }} data-test="shortcuts" /> Single-key shortcuts</label>
      <h3>Filter</h3>
      <p>Every part must hold: <code>word</code>, <code>"two words"</code>, <code>/pattern/</code>, <code>sku=coffee-mug</code>, <code>level:warn+</code>, <code>svc:payments,users</code>, <code>trace:4f2a</code>, <code>type:confirmed</code>. A leading <code>-</code> excludes.</p>
      <p class="dim">Comptoir ${page.meta.value.version} ${page.meta.value.mode && `· ${page.meta.value.mode} log`}</p>
    </div>
  </dialog>`;
}
