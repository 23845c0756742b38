// One topic: its messages, partitions and consumers.
import { Time, ago, bytes, count, html, plural } from '../shared/ui.js';
import { Answered, Table, deadPath, groupPath, route, topicPath, useAnswer } from './data.js';
import { Messages } from './messages.js';
import { Lag } from './overview.js';

// Named as in Kafka UI's addresses; `partitions` is its page of the topic itself.
const TABS = [['messages', 'Messages', 'messages'], ['partitions', 'Partitions', ''], ['consumer-groups', 'Consumers', 'consumer-groups']];

function Partitions({ data }) {
  const now = Date.now();
  return html`<${Table} name="partitions" label="Partitions" head=${[['Partition', 'num'], ['First', 'num'], ['End', 'num'], ['Records', 'num'], ['Size', 'num wide'], ['Last write', 'wide']]}>
    ${data.partitions.map((row) => html`<tr key=${row.partition}>
      <th scope="row" class="num"><a href=${`${topicPath(data.name)}?partitions=${row.partition}`}>${row.partition}</a></th>
      <td class="num">${count(row.earliest)}</td>
      <td class="num">${count(row.next)}</td>
      <td class="num">${count(row.records)}</td>
      <td class="num wide">${bytes(row.bytes)}</td>
      <td class="wide">${row.last_write === null ? '–' : html`<${Time} ms=${row.last_write}>${ago(row.last_write, now)}<//>`}</td>
    </tr>`)}
  <//>`;
}

function Consumers({ data }) {
  if (data.groups.length === 0) return html`<p class="dim">No group reads this topic. A reader without a group, such as the live page, does not show here.</p>`;
  return html`<${Table} name="consumers" label="Consumers" head=${[['Group'], ['Lag']]}>
    ${data.groups.map(({ group, lag }) => html`<tr key=${group}><th scope="row"><a href=${groupPath(group)}>${group}</a></th><td><${Lag} lag=${lag} href=${groupPath(group)} /></td></tr>`)}
  <//>`;
}

export function Topic() {
  const { topic, tab } = route.value;
  const answer = useAnswer(`/topics/${encodeURIComponent(topic)}`);
  const { data } = answer;
  return html`<div class="pad">
    <div class="heading">
      <h1 class="title">${topic}</h1>
      ${data && html`<span class="dim">${plural(data.records, 'record')} · ${bytes(data.bytes)} · ${plural(data.partitions.length, 'partition')}</span>`}
      ${topic.endsWith('.dlq') && html`<a href=${deadPath(topic.slice(0, -'.dlq'.length))} data-test="as-letters">As dead letters</a>`}
    </div>
    <nav class="tabs" aria-label="Parts of the topic">${TABS.map(([id, text, path]) => html`<a class="tab" href=${topicPath(topic, path)} aria-current=${tab === id ? 'page' : 'false'}>${text}</a>`)}</nav>
    ${tab === 'messages'
      ? html`<${Messages} key=${topic} topic=${topic} partitions=${data ? data.partitions.length : 0} />`
      : html`<${Answered} answer=${answer}>${data && (tab === 'consumer-groups' ? html`<${Consumers} data=${data} />` : html`<${Partitions} data=${data} />`)}<//>`}
  </div>`;
}
