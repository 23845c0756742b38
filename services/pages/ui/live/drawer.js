// Everything known about one line.
import { useEffect, useRef } from 'preact/hooks';
import { CopyButton, html, tint } from '../shared/ui.js';
import { LEVELS, show } from './lines.js';
import { linkTo } from './place.js';

/** @param {{ page: any, line: import('./lines.js').Line }} props */
export function Drawer({ page, line }) {
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => heading.current?.focus({ preventScroll: true }), [line.seq]);
  const time = new Date(line.ts);
  const { topic } = page.meta.value;
  const recordUrl = page.url('console', `/ui/clusters/local/all-topics/${encodeURIComponent(topic)}/messages?mode=FROM_OFFSET&partitions=${line.p}&offset=${line.o}&limit=1`);
  const whole = () => JSON.stringify({ partition: line.p, offset: line.o, time: time.toISOString(), level: LEVELS[line.level], service: line.service, message: line.msg, trace_id: line.trace, fields: line.fields }, null, 2);
  const facts = [
    ['Time', html`${time.toISOString().replace('T', ' ')}`],
    ['Service', html`<span class=${tint(line.service)}>${line.service}</span>`],
    ['Level', html`<span class="lvl" data-level=${LEVELS[line.level]}>${LEVELS[line.level]}</span>`],
    ['Position', html`<a href=${recordUrl} data-test="record-link">${topic} ${line.p}:${line.o}</a>`],
    ['Trace', line.trace ? html`<span class="mono">${line.trace}</span>` : '–'],
    ...Object.entries(line.fields).map(([name, value]) => [name, html`<span class="mono">${show(value)}</span>`]),
  ];
  return html`<aside class="drawer" aria-label="Line details" data-test="drawer">
    <header>
      <h2 tabindex="-1" ref=${heading}>Line ${line.p}:${line.o}</h2>
      <span class="grow"></span>
      <button class="button quiet square" type="button" aria-label="Close" title="Close" onClick=${() => page.open(-1)} data-test="close">✕</button>
    </header>
    <p class="drawer-msg">${line.msg}</p>
    <dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <div class="actions">
      ${line.trace && html`<button class="button" type="button" onClick=${() => page.filterBy(`trace:${line.trace.slice(0, 16)}`, true)} data-test="trace-filter">Lines of this trace</button>`}
      <${CopyButton} label="Copy link" text=${linkTo(line)} />
      <${CopyButton} label="Copy JSON" text=${whole} />
    </div>
  </aside>`;
}
