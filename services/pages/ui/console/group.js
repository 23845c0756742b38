// One consumer group: members, and how far it has come in each partition.
import { count, html, plural } from '../shared/ui.js';
import { Answered, Table, recordPath, route, topicPath, useAnswer } from './data.js';
import { State } from './overview.js';

function PartitionRow({ row }) {
  // The next unread record: what the group stands at, or the first one if it never committed.
  const next = recordPath(row.topic, row.partition, row.committed ?? Math.max(0, row.next - row.lag));
  return html`<tr>
    <th scope="row"><a href=${topicPath(row.topic)}>${row.topic}</a></th>
    <td class="num">${row.partition}</td>
    <td class="num">${row.committed === null ? html`<span class="dim">none</span>` : count(row.committed)}</td>
    <td class="num">${count(row.next)}</td>
    <td class="num">${row.lag > 0 ? html`<a class="warned" href=${next} title="The next unread record" data-test="lag-link">${count(row.lag)}</a>` : '0'}</td>
    <td class="mono wide">${row.member ?? html`<span class="dim">nobody</span>`}</td>
  </tr>`;
}

export function Group() {
  const { group } = route.value;
  const answer = useAnswer(`/groups/${encodeURIComponent(group)}`);
  const { data } = answer;
  return html`<div class="pad">
    <h1 class="title">${group}</h1>
    <${Answered} answer=${answer}>
      ${data && html`
        <p class="line"><${State} state=${data.state} /> <span class="dim">· ${plural(data.members.length, 'member')} · </span><span class=${data.lag > 0 ? 'warned' : 'dim'}>lag ${count(data.lag)}</span></p>
        <${Table} name="group-partitions" label="Partitions" head=${[['Topic'], ['Partition', 'num'], ['Committed', 'num'], ['End', 'num'], ['Lag', 'num'], ['Member', 'wide']]}>
          ${data.partitions.map((row) => html`<${PartitionRow} key=${`${row.topic}:${row.partition}`} row=${row} />`)}
        <//>
        <h2 class="section">Members</h2>
        ${data.members.length === 0 ? html`<p class="dim">Nobody is in the group; its place in the log stays.</p>` : html`
        <${Table} name="members" label="Members" head=${[['Member'], ['Host'], ['Assigned']]}>
          ${data.members.map((member) => html`<tr key=${member.id}>
            <th scope="row" class="mono">${member.id}</th>
            <td>${member.host}</td>
            <td>${member.partitions.map(({ topic, partition }) => `${topic} ${partition}`).join(', ') || html`<span class="dim">nothing</span>`}</td>
          </tr>`)}
        <//>`}`}
    <//>
  </div>`;
}
