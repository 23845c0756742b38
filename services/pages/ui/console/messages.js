// Records of a topic: which ones, page by page, and everything about one of them.
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { CopyButton, Time, bytes, count, html, plural, prettyJson, remember, remembered } from '../shared/ui.js';
import { Answered, Table, ask, go, livePort, liveUrl, recordPath, route, topicPath, useAnswer } from './data.js';

const MODES = [['LATEST', 'Newest first'], ['EARLIEST', 'Oldest first'], ['FROM_OFFSET', 'From offset']];
/** Records of this type are the lines of the live page. */
const LINE = 'comptoir.log.written.v1';
/** Cursors of the pages before this one, for the way back. @type {string[]} */
let trail = [];

/** @param {string} topic @param {Record<string, string>} change an empty value removes; any change starts over at the first page */
function show(topic, change) {
  const query = new URLSearchParams(route.value.query);
  query.delete('cursor');
  for (const [key, value] of Object.entries(change)) {
    if (value === '') query.delete(key);
    else query.set(key, value);
  }
  if ((query.get('mode') ?? 'LATEST') !== 'FROM_OFFSET') query.delete('offset');
  else if (!query.has('offset')) query.set('offset', '0');
  if (!('cursor' in change)) trail = [];
  go(`${topicPath(topic)}${query.size ? `?${query}` : ''}`);
}

function Tools({ topic, partitions }) {
  const { query } = route.value;
  const mode = query.get('mode') ?? 'LATEST';
  const chosen = new Set((query.get('partitions') ?? '').split(',').filter(Boolean).map(Number));
  const toggle = (/** @type {number} */ p) => {
    if (!chosen.delete(p)) chosen.add(p);
    show(topic, { partitions: chosen.size === partitions ? '' : [...chosen].sort((a, b) => a - b).join(','), limit: '' });
  };
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    show(topic, { q: String(form.get('q') ?? '').trim(), ...(form.has('offset') && { offset: String(form.get('offset') || 0) }), limit: '' });
  };
  return html`<form class="tools" role="search" aria-label="Messages" onSubmit=${submit} key=${query.toString()}>
    <label class="visually-hidden" for="mode">Order</label>
    <select id="mode" class="field" value=${mode} onChange=${(/** @type {any} */ event) => show(topic, { mode: event.target.value === 'LATEST' ? '' : event.target.value, limit: '' })} data-test="mode">
      ${MODES.map(([id, text]) => html`<option value=${id} selected=${id === mode}>${text}</option>`)}
    </select>
    ${mode === 'FROM_OFFSET' && html`<input class="field offset" name="offset" type="number" min="0" aria-label="Offset" value=${query.get('offset') ?? '0'} data-test="offset" />`}
    <span class="partitions" role="group" aria-label="Partitions">
      ${Array.from({ length: partitions }, (_, p) => html`<button class="button square" type="button" aria-label=${`Partition ${p}`} aria-pressed=${chosen.size === 0 || chosen.has(p) ? 'true' : 'false'}
        title=${chosen.size === 0 ? `Only partition ${p}` : `Partition ${p}`} onClick=${() => toggle(p)} data-test=${`partition-${p}`}>${p}</button>`)}
    </span>
    <input class="field grow" name="q" type="search" placeholder="Text in key, value or headers" aria-label="Text in key, value or headers" value=${query.get('q') ?? ''} data-test="text" />
    <button class="button" type="submit">Search</button>
  </form>`;
}

/** Single keys can be switched off: whoever speaks to a browser sends them unawares. */
const keysOn = signal(remembered('shortcuts') !== 'off');

/** @param {(() => void) | null} back @param {(() => void) | null} on */
function usePagingKeys(back, on) {
  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      const typing = /** @type {Element} */ (event.target).matches('input:not([type=checkbox]), select, textarea');
      if (!keysOn.value || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '[') back?.();
      else if (event.key === ']') on?.();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });
}

function Pager({ topic, answer }) {
  const { query } = route.value;
  const { data, reload } = answer;
  const cursor = query.get('cursor') ?? '';
  const back = () => { const before = trail.pop() ?? ''; show(topic, { cursor: before }); };
  const on = () => { trail.push(cursor); show(topic, { cursor: data.next }); };
  usePagingKeys(cursor ? back : null, data?.next ? on : null);
  const keys = keysOn.value ? '[ ]'.split(' ') : [undefined, undefined];
  return html`<div class="pager">
    <button class="button" type="button" onClick=${back} disabled=${!cursor} aria-keyshortcuts=${keys[0]} data-test="previous">${cursor && trail.length === 0 ? 'First page' : 'Previous'}</button>
    <button class="button" type="button" onClick=${on} disabled=${!data?.next} aria-keyshortcuts=${keys[1]} data-test="next">${data && !data.done ? 'Search on' : 'Next'}</button>
    <button class="button quiet" type="button" onClick=${reload}>Refresh</button>
    <span class="dim" role="status" data-test="scanned">${data && `scanned ${count(data.scanned)} · matched ${count(data.matched)} · ${count(data.elapsed_ms)} ms${data.done ? '' : ' · stopped at the limit of one search'}`}</span>
    <span class="grow"></span>
    <label class="switch"><input type="checkbox" role="switch" checked=${keysOn.value} onChange=${(/** @type {any} */ event) => { keysOn.value = event.target.checked; remember('shortcuts', keysOn.value ? 'on' : 'off'); }} data-test="shortcuts" /> Page with <kbd>[</kbd> <kbd>]</kbd></label>
  </div>`;
}

/** Text of a key or value with what is known of its form. */
export function Text({ text, encoding, pretty = true }) {
  if (text === null || text === undefined) return html`<p class="dim">None.</p>`;
  const shown = (pretty && encoding === 'utf8' && prettyJson(text)) || text;
  return html`<div class="code block"><pre class="grow">${shown}</pre><${CopyButton} text=${shown} /></div>${encoding === 'base64' && html`<p class="dim">Not UTF-8; shown as base64.</p>`}`;
}

function Record({ topic, message }) {
  const [tab, setTab] = useState('value');
  const [whole, setWhole] = useState(message.truncated ? null : message);
  const [failure, setFailure] = useState('');
  const path = `/topics/${encodeURIComponent(topic)}/messages/${message.partition}/${message.offset}`;
  useEffect(() => {
    if (!whole) ask(path).then(setWhole, (error) => setFailure(error.message));
  }, []);
  const { key, key_encoding, value, value_encoding, headers, event } = whole ?? message;
  const views = {
    value: () => html`<${Text} text=${value} encoding=${value_encoding} />${whole?.truncated && html`<p class="dim">Cut to the first MiB; the download is whole.</p>`}`,
    headers: () => (headers.length ? html`<dl>${headers.map((header) => html`<div><dt>${header.name}</dt><dd class="mono">${header.value}</dd></div>`)}</dl>` : html`<p class="dim">None.</p>`),
    key: () => html`<${Text} text=${key} encoding=${key_encoding} />`,
    event: () => (event ? html`<dl>${Object.entries(event).map(([name, fact]) => html`<div><dt>${name}</dt><dd class="mono">${fact ?? '–'}</dd></div>`)}</dl>` : html`<p class="dim">The value is not a readable CloudEvent.</p>`),
  };
  return html`<div class="record" data-test="record">
    <div class="record-head">
      <div class="tabs" role="group" aria-label="Parts of the record">${Object.keys(views).map((name) => html`<button class="tab" type="button" aria-pressed=${tab === name ? 'true' : 'false'} onClick=${() => setTab(name)}>${name[0].toUpperCase() + name.slice(1)}</button>`)}</div>
      <span class="grow"></span>
      ${livePort.value > 0 && event?.type === LINE && html`<a class="link" href=${liveUrl(`/?at=${message.partition}:${message.offset}`)} data-test="line-link">Among the lines</a>`}
      <a class="link" href=${recordPath(topic, message.partition, message.offset)} data-test="record-link">Link to this record</a>
      <a class="link" href=${`/api/v1${path}?raw=value`} download=${`${topic}-${message.partition}-${message.offset}`}>Download value</a>
    </div>
    ${failure && html`<p class="bad" role="alert">${failure}</p>`}
    ${views[tab]()}
  </div>`;
}

/** `comptoir.payment.requested.v1` without what all of them share. @param {string} type */
export const shortType = (type) => type.replace(/^comptoir\./, '');

/** What a list shows of a value: of an event its data, since the envelope looks alike in all of them; of a line the line. */
export function preview({ value, event, truncated }) {
  if (value === null) return 'null';
  if (event && !truncated) {
    const { data } = JSON.parse(value);
    if (event.type === LINE && data?.message) return [data.level, data.service, data.message].filter(Boolean).join(' ').slice(0, 300);
    if (data !== undefined) return JSON.stringify(data).slice(0, 300);
  }
  return value.slice(0, 300);
}

function MessageRows({ topic, message, open, toggle }) {
  const id = `record-${message.partition}-${message.offset}`;
  return html`<tr class=${open ? 'opened' : ''} data-test="message" data-position=${`${message.partition}:${message.offset}`}>
      <td class="num"><button class="sorter" type="button" aria-expanded=${open ? 'true' : 'false'} aria-controls=${id} aria-label=${`Record ${message.partition}:${message.offset}`} onClick=${toggle}>
        <span class="chevron" aria-hidden="true">${open ? '▾' : '▸'}</span><span class="narrow">${message.partition}:</span>${count(message.offset)}</button></td>
      <td class="num wide">${message.partition}</td>
      <td class="mono nowrap"><${Time} ms=${message.time} /></td>
      <td>${message.event ? shortType(message.event.type) : html`<span class="dim">–</span>`}</td>
      <td class="mono wide cut key">${message.key ?? html`<span class="dim">null</span>`}</td>
      <td class="mono wide cut value">${preview(message)}</td>
      <td class="num wide nowrap">${bytes(message.size)}</td>
    </tr>
    ${open && html`<tr class="detail" id=${id}><td colspan="7"><${Record} topic=${topic} message=${message} /></td></tr>`}`;
}

export function Messages({ topic, partitions }) {
  const { query } = route.value;
  const asked = new URLSearchParams();
  for (const key of ['mode', 'partitions', 'offset', 'limit', 'q', 'cursor']) if (query.get(key)) asked.set(key, /** @type {string} */ (query.get(key)));
  const answer = useAnswer(`/topics/${encodeURIComponent(topic)}/messages${asked.size ? `?${asked}` : ''}`, false);
  const [opened, setOpened] = useState(/** @type {Set<string>} */ (new Set()));
  const single = query.get('limit') === '1';
  const toggle = (/** @type {string} */ position) => () => {
    const next = new Set(opened);
    if (!next.delete(position)) next.add(position);
    setOpened(next);
  };
  const { data } = answer;
  return html`<${Tools} topic=${topic} partitions=${partitions} />
    <${Answered} answer=${answer}>
      ${data && (data.messages.length === 0
        ? html`<p class="pad dim" data-test="none">${!query.get('q') ? 'No records here yet.' : data.done ? 'Nothing here contains that text.' : 'Not in the records searched so far.'}</p>`
        : html`<${Table} name="messages" label=${`${plural(data.messages.length, 'record')} of ${topic}`} head=${[['Offset', 'num'], ['Part.', 'num wide'], ['Time'], ['Type'], ['Key', 'wide'], ['Value', 'wide'], ['Size', 'num wide']]}>
          ${data.messages.map((message) => {
            const position = `${message.partition}:${message.offset}`;
            // A link to one record shows it at once; pressing its row then closes it.
            return html`<${MessageRows} key=${position} topic=${topic} message=${message} open=${single !== opened.has(position)} toggle=${toggle(position)} />`;
          })}
        <//>`)}
    <//>
    <${Pager} topic=${topic} answer=${answer} />`;
}
