// Dead letters: what was given up, and putting it back on its topic.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Time, count, html, plural } from '../shared/ui.js';
import { Answered, DEAD, Table, deadPath, go, groupPath, recordPath, route, send, topicPath, useAnswer } from './data.js';
import { Text, preview, shortType } from './messages.js';

const STATES = [['open', 'Open'], ['', 'All'], ['replayed', 'Replayed'], ['not_replayable', 'Not replayable']];
const STATE_WORDS = { open: ['warned', 'open'], replayed: ['good', 'replayed'], not_replayable: ['bad', 'not replayable'] };
/** What is chosen, where the address says nothing. */
const OPEN = 'open';

/** The state that the address asks for; every one if it says `all`. @param {URLSearchParams} query */
const stateOf = (query) => (query.get('state') === 'all' ? '' : query.get('state') ?? OPEN);

/** @param {string} topic @param {{ state?: string, cursor?: string }} change */
function showLetters(topic, change) {
  const query = new URLSearchParams({ topic });
  const state = change.state ?? stateOf(route.value.query);
  if (state !== OPEN) query.set('state', state || 'all');
  if (change.cursor) query.set('cursor', change.cursor);
  go(`${DEAD}?${query}`);
}

/** What became of an order, in a sentence. @param {any[]} replayed @param {any[]} kept */
function told(replayed, kept) {
  const parts = [`${plural(replayed.length, 'letter')} put back`];
  const unnoted = replayed.filter((letter) => !letter.noted).length;
  if (unnoted) parts.push(`${count(unnoted)} of them could not be noted and may show as open still`);
  if (kept.length) parts.push(`${count(kept.length)} not: ${[...new Set(kept.map(({ why }) => why))].slice(0, 3).join('; ')}`);
  return `${parts.join(', ')}.`;
}

/** Asks before it does much at once. */
function Confirm({ title, children, yes, onYes, onNo }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    return () => before?.focus({ preventScroll: true });
  }, []);
  return html`<dialog class="confirm" ref=${dialog} aria-labelledby="confirm-title" onClose=${onNo} data-test="confirm">
    <h2 id="confirm-title">${title}</h2>
    ${children}
    <div class="tools">
      <button class="button" type="button" onClick=${() => dialog.current?.close()} data-test="confirm-no">Cancel</button>
      <button class="button primary" type="button" onClick=${onYes} data-test="confirm-yes">${yes}</button>
    </div>
  </dialog>`;
}

function CountRow({ row, chosen }) {
  return html`<tr aria-current=${row.topic === chosen ? 'true' : 'false'} data-test="dead-topic">
    <th scope="row"><a href=${deadPath(row.topic)}>${row.topic}</a></th>
    <td class="num ${row.open ? 'warned' : ''}">${count(row.open)}</td>
    <td class="num">${count(row.replayed)}</td>
    <td class="num">${count(row.not_replayable)}</td>
    <td class="wide"><a href=${topicPath(row.dead_letters)}>${row.dead_letters}</a>${row.strange > 0 && html` <span class="dim">· ${plural(row.strange, 'strange record')}</span>`}${row.left_out > 0 && html` <span class="dim">· ${count(row.left_out)} older ones left out</span>`}</td>
  </tr>`;
}

/** Everything about one letter. */
function LetterFacts({ letter }) {
  const { source, replayed, record } = letter;
  const facts = [
    ['Reason', letter.reason],
    letter.why && ['Why it stays', letter.why],
    ['Given up by', html`<a href=${groupPath(letter.group)}>${letter.group}</a> after ${plural(letter.attempts, 'attempt')}`],
    ['Put back before', letter.replays === 0 ? 'never' : plural(letter.replays, 'time')],
    letter.copies > 1 && ['Copies', `${count(letter.copies)}: it was given up again before that was committed`],
    ['Came from', html`<a href=${recordPath(source.topic, source.partition, source.offset)} data-test="source-link">${source.topic} ${source.partition}:${source.offset}</a>`],
    replayed && ['Put back', html`<${Time} ms=${replayed.time} />, to <a href=${recordPath(source.topic, replayed.partition, replayed.offset)} data-test="replayed-link">${source.topic} ${replayed.partition}:${replayed.offset}</a>`],
    ['Key', record.key ?? html`<span class="dim">null</span>`],
    ...record.headers.map(({ name, value }) => [`Header ${name}`, value]),
  ].filter(Boolean);
  return html`<div class="record" data-test="letter-facts">
    <dl>${facts.map(([name, fact]) => html`<div><dt>${name}</dt><dd>${fact}</dd></div>`)}</dl>
    <${Text} text=${record.value} encoding=${record.value_encoding} />
    ${record.truncated && html`<p class="dim">Cut here. <a href=${recordPath(`${source.topic}.dlq`, letter.partition, letter.offset)}>The letter's own record</a> is whole.</p>`}
  </div>`;
}

function LetterRows({ letter, open, busy, toggle, replay }) {
  const { partition, offset, source, record } = letter;
  const position = `${partition}:${offset}`;
  const id = `letter-${partition}-${offset}`;
  const [tone, word] = STATE_WORDS[letter.state];
  return html`<tr class=${open ? 'opened' : ''} data-test="letter" data-position=${position}>
      <td class="num"><button class="sorter" type="button" aria-expanded=${open ? 'true' : 'false'} aria-controls=${id} aria-label=${`Letter ${position}`} onClick=${toggle}>
        <span class="chevron" aria-hidden="true">${open ? '▾' : '▸'}</span>${position}</button></td>
      <td class="mono nowrap wide"><${Time} ms=${letter.time} /></td>
      <td><span class="state"><i class="dot ${tone}"></i> ${word}</span></td>
      <td class="reason">${letter.reason.slice(0, 200)}</td>
      <td class="wide">${letter.group}<span class="dim"> ×${letter.attempts}${letter.replays > 0 && `, replayed ×${letter.replays}`}</span></td>
      <td class="nowrap wide"><a href=${recordPath(source.topic, source.partition, source.offset)}>${source.partition}:${source.offset}</a></td>
      <td class="mono wide cut short">${record.event ? `${shortType(record.event.type)} ` : ''}${preview(record)}</td>
      <td>${letter.state === 'open' && html`<button class="button" type="button" disabled=${busy} onClick=${replay} aria-label=${`Replay letter ${position}`} data-test="replay">Replay</button>`}</td>
    </tr>
    ${open && html`<tr class="detail" id=${id}><td colspan="8"><${LetterFacts} letter=${letter} /></td></tr>`}`;
}

/** Puts letters back; what is said of it is read out and gets the focus, since their rows may go. */
function useReplay(topic, after) {
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState(/** @type {{ text: string, bad: boolean } | null} */ (null));
  const notice = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => { if (outcome && !busy) notice.current?.focus(); }, [outcome, busy]);
  const replay = async (/** @type {any} */ order) => {
    setBusy(true);
    const [replayed, kept] = [[], []];
    try {
      // One request does a part; each answer says how to go on.
      for (let next = order; next; ) {
        const answer = await send(`/topics/${encodeURIComponent(topic)}/dead-letters/replay`, next);
        replayed.push(...answer.replayed);
        kept.push(...answer.not_replayed);
        next = answer.next && { ...order, cursor: answer.next };
        setOutcome({ text: told(replayed, kept), bad: kept.length > 0 });
      }
    } catch (error) {
      setOutcome({ text: `${replayed.length ? `${told(replayed, kept)} Then: ` : ''}${error.message}`, bad: true });
    }
    setBusy(false);
    after();
  };
  const said = outcome && html`<p class="notice ${outcome.bad ? 'failed bad' : 'done good'}" role=${outcome.bad ? 'alert' : 'status'} tabindex="-1" ref=${notice} data-test="outcome">${outcome.text}</p>`;
  return { busy, replay, said };
}

function LettersOf({ topic, counted, reload }) {
  const { query } = route.value;
  const [state, cursor] = [stateOf(query), query.get('cursor') ?? ''];
  const asked = new URLSearchParams({ state, cursor });
  const answer = useAnswer(`/topics/${encodeURIComponent(topic)}/dead-letters?${asked}`, false);
  const [opened, setOpened] = useState('');
  const [asking, setAsking] = useState(false);
  const { busy, replay, said } = useReplay(topic, () => { answer.reload(); reload(); });
  const { data } = answer;
  return html`<div class="list-head">
      <h2>Letters of ${topic}</h2>
      <label class="visually-hidden" for="letter-state">State</label>
      <select id="letter-state" class="field" value=${state} onChange=${(/** @type {any} */ event) => showLetters(topic, { state: event.target.value })} data-test="letter-state">
        ${STATES.map(([id, text]) => html`<option value=${id} selected=${id === state}>${text}</option>`)}
      </select>
      <button class="button" type="button" onClick=${answer.reload} data-test="refresh">Refresh</button>
      <span class="grow"></span>
      <button class="button" type="button" disabled=${busy || !counted.open} onClick=${() => setAsking(true)} data-test="replay-all">${busy ? 'Putting back…' : 'Replay all'}</button>
    </div>
    ${said}
    ${asking && html`<${Confirm} title=${`Replay ${plural(counted.open, 'dead letter')} of ${topic}?`} yes="Replay all"
      onYes=${() => { setAsking(false); replay({ all: true }); }} onNo=${() => setAsking(false)}>
      <p>Each goes back on ${topic}, the oldest first, behind whatever stands there now. What still cannot be handled dies again and shows here.</p>
    <//>`}
    <${Answered} answer=${answer}>
      ${data?.unread > 0 && html`<p class="notice warned" role="status">${plural(data.unread, 'record')} of the dead-letter topic still to be read. Refresh to go on.</p>`}
      ${data && (data.letters.length === 0
        ? html`<p class="pad dim" data-test="no-letters">${state === OPEN ? 'No open dead letters.' : 'None in this state.'}</p>`
        : html`<${Table} name="letters" label=${`Dead letters of ${topic}`} head=${[['Letter', 'num'], ['Given up', 'wide'], ['State'], ['Reason'], ['By', 'wide'], ['Source', 'wide'], ['Value', 'wide'], [html`<span class="visually-hidden">Replay</span>`]]}>
          ${data.letters.map((letter) => {
            const position = `${letter.partition}:${letter.offset}`;
            return html`<${LetterRows} key=${position} letter=${letter} open=${opened === position} busy=${busy}
              toggle=${() => setOpened(opened === position ? '' : position)} replay=${() => replay({ partition: letter.partition, offset: letter.offset })} />`;
          })}
        <//>`)}
    <//>
    <div class="pager">
      <button class="button" type="button" disabled=${!cursor} onClick=${() => showLetters(topic, {})} data-test="first-letters">First page</button>
      <button class="button" type="button" disabled=${!data?.next} onClick=${() => showLetters(topic, { cursor: data.next })} data-test="next-letters">Next</button>
    </div>`;
}

export function DeadLetters() {
  const answer = useAnswer('/dead-letters');
  const { data } = answer;
  const named = route.value.query.get('topic');
  // Without a name it is the first that has any; a name that is none is the console's to refuse.
  const first = data && (data.topics.find((row) => row.open > 0) ?? data.topics[0]).topic;
  const [kept, keep] = useState('');
  useEffect(() => { if (first && !kept) keep(first); }, [first]);
  const topic = named ?? kept;
  const counted = data?.topics.find((row) => row.topic === topic) ?? { open: 0 };
  return html`<div class="pad">
    <h1 class="title">Dead letters</h1>
    <p class="line dim">Records that a group could not handle. Replay puts one back on its topic; it is the same event, so nothing happens twice.</p>
    <${Answered} answer=${answer}>
      ${data && html`<${Table} name="dead-topics" label="Dead letters by topic" head=${[['Topic'], ['Open', 'num'], ['Replayed', 'num'], ['Not replayable', 'num'], ['Stands on', 'wide']]}>
        ${data.topics.map((row) => html`<${CountRow} key=${row.topic} row=${row} chosen=${topic} />`)}
      <//>`}
    <//>
    ${topic && html`<${LettersOf} key=${topic} topic=${topic} counted=${counted} reload=${answer.reload} />`}
  </div>`;
}
