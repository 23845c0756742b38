// All topics and all groups.
import { signal } from '@preact/signals';
import { Time, ago, bytes, clock, count, html, plural } from '../shared/ui.js';
import { Answered, DEAD, Table, groupPath, topicPath, useAnswer } from './data.js';

const order = signal({ by: 'name', down: false });
const VALUES = {
  name: (topic) => topic.name,
  records: (topic) => topic.records,
  bytes: (topic) => topic.bytes ?? -1,
  last_write: (topic) => topic.last_write ?? -1,
};

function Sorter({ by, children }) {
  const { by: now, down } = order.value;
  const press = () => { order.value = { by, down: now === by ? !down : by !== 'name' }; };
  return html`<button class="sorter" type="button" onClick=${press}>${children}<span aria-hidden="true">${now === by ? (down ? '↓' : '↑') : ''}</span>${now === by && html`<span class="visually-hidden">, sorted ${down ? 'descending' : 'ascending'}</span>`}</button>`;
}

export const Lag = ({ lag, href }) => html`<a class="lag ${lag > 0 ? 'warned' : 'dim'}" href=${href}>${lag > 0 ? `lag ${count(lag)}` : 'no lag'}</a>`;

/** @param {any[]} topics */
function sorted(topics) {
  const { by, down } = order.value;
  const value = VALUES[by];
  const sign = down ? -1 : 1;
  return [...topics].sort((a, b) => sign * (value(a) > value(b) ? 1 : value(a) < value(b) ? -1 : 0) || (a.name < b.name ? -1 : 1));
}

function TopicRow({ topic, time }) {
  return html`<tr>
    <th scope="row"><a href=${topicPath(topic.name)}>${topic.name}</a></th>
    <td class="num wide">${topic.partitions}</td>
    <td class="num">${count(topic.records)}</td>
    <td class="num wide">${bytes(topic.bytes)}</td>
    <td class="wide">${topic.last_write === null ? '–' : html`<${Time} ms=${topic.last_write}>${ago(topic.last_write, time)}<//>`}</td>
    <td>${topic.groups.length === 0 ? html`<span class="dim">–</span>` : topic.groups.map(({ group, lag }) => html`<span class="reader"><a href=${groupPath(group)}>${group}</a> <${Lag} lag=${lag} href=${groupPath(group)} /></span>`)}</td>
  </tr>`;
}

/** How many dead letters wait to be put back. */
function OpenLetters() {
  const { data } = useAnswer('/dead-letters');
  const open = data?.open ?? 0;
  return html`<p class=${open ? 'notice warned' : 'line'} role="status" data-test="dead-letters">
    ${open > 0 && html`<span aria-hidden="true">!</span> ${plural(open, 'dead letter')} open. `}<a href=${DEAD}>${open ? 'Look at them' : 'Dead letters'}</a>${data && !open && html`<span class="dim">: none open</span>`}
  </p>`;
}

export function Overview() {
  const answer = useAnswer('/overview');
  const { data } = answer;
  return html`<div class="pad">
    <h1 class="visually-hidden">Topics and groups</h1>
    <${OpenLetters} />
    <${Answered} answer=${answer}>
      ${data && html`
        <p class="dim line" data-test="summary">${plural(data.topics.length, 'topic')} · ${plural(data.topics.reduce((sum, topic) => sum + topic.records, 0), 'record')} · ${plural(data.groups.length, 'group')} · ${data.mode} log · ${clock(answer.at, false)}</p>
        <${Table} name="topics" label="Topics" head=${[
          [html`<${Sorter} by="name">Topic<//>`], ['Partitions', 'num wide'], [html`<${Sorter} by="records">Records<//>`, 'num'],
          [html`<${Sorter} by="bytes">Size<//>`, 'num wide'], [html`<${Sorter} by="last_write">Last write<//>`, 'wide'], ['Read by'],
        ]}>${sorted(data.topics).map((topic) => html`<${TopicRow} key=${topic.name} topic=${topic} time=${data.time} />`)}<//>
        <h2 class="section">Consumer groups</h2>
        ${data.groups.length === 0 ? html`<p class="dim">No group has committed anything yet.</p>` : html`
        <${Table} name="groups" label="Consumer groups" head=${[['Group'], ['State'], ['Members', 'num'], ['Lag', 'num'], ['Topics', 'wide']]}>
          ${data.groups.map((group) => html`<tr key=${group.group}>
            <th scope="row"><a href=${groupPath(group.group)}>${group.group}</a></th>
            <td><${State} state=${group.state} /></td>
            <td class="num">${group.members}</td>
            <td class="num ${group.lag > 0 ? 'warned' : ''}">${count(group.lag)}</td>
            <td class="wide">${group.topics.map((name, i) => html`${i > 0 && ', '}<a href=${topicPath(name)}>${name}</a>`)}</td>
          </tr>`)}
        <//>`}`}
    <//>
  </div>`;
}

const TONES = { stable: 'good', rebalancing: 'warned', empty: '' };
export const State = ({ state }) => html`<span class="state"><i class="dot ${TONES[state] ?? ''}"></i> ${state}</span>`;
