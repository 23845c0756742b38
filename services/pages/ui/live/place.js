// A line's place in the log: the link to it, and where reading begins so that it stands among its neighbours.
import { offsets } from './stream.js';

/** Lines of its own partition before it, and lines of all after it. */
const BEFORE = 200;
export const AFTER = 200;
const CHUNK = 500;

/** The place that an address names, if any. @param {string} search */
export function placeIn(search) {
  const found = /^(\d+):(\d+)$/.exec(new URLSearchParams(search).get('at') ?? '');
  return found && { p: Number(found[1]), o: Number(found[2]) };
}

/** @param {{ p: number, o: number }} place */
export const linkTo = ({ p, o }) => `${location.origin}/?at=${p}:${o}`;

/** Rows of one partition. @param {number} p @param {number} from @param {number} limit @returns {Promise<any[]>} */
async function read(p, from, limit) {
  const answer = await fetch(`/api/lines?partition=${p}&from=${from}&limit=${limit}`);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return (await answer.json()).l;
}

/**
 * Offset in partition `p`, between `low` and `high`, from which its lines are not older than `time`.
 * Times grow with the offsets, if not strictly; one request finds it in a short log.
 */
async function offsetAt(/** @type {number} */ p, /** @type {number} */ low, /** @type {number} */ high, /** @type {number} */ time) {
  while (low < high) {
    const from = Math.max(low, ((low + high - CHUNK) >> 1));
    const rows = await read(p, from, CHUNK);
    const at = rows.findIndex(([, , ts]) => ts >= time);
    if (at > 0) return rows[at][1];
    if (at === 0 || rows.length === 0) high = from; // what begins here is all of it new, or hidden
    else low = rows.at(-1)[1] + 1;
  }
  return low;
}

/**
 * A cursor from which the stream brings the line's neighbours, then the line, then what follows;
 * null if there is no such line.
 * @param {{ p: number, o: number }} place @param {{ earliest: string, latest: string }} hello
 */
export async function cursorBefore({ p, o }, hello) {
  const [earliest, latest] = [offsets(hello.earliest), offsets(hello.latest)];
  if (o >= (latest.get(p) ?? 0)) return null;
  const first = (/** @type {number} */ q) => earliest.get(q) ?? 0;
  const begin = Math.max(o - BEFORE, first(p));
  const rows = await read(p, begin, BEFORE + 1);
  if (!rows.some(([, offset]) => offset === o)) return null;
  // Where this partition has nothing older, only the others can tell what came before the line.
  const further = begin === first(p) ? BEFORE : 0;
  const parts = [...latest].map(async ([q, end]) => {
    const at = q === p ? begin : Math.max(first(q), await offsetAt(q, first(q), end, rows[0][2]) - further);
    return `${q}:${at}`;
  });
  return (await Promise.all(parts)).join();
}
