// The lines the page holds, and which of them a filter lets through. No DOM in here.

/** Lines kept, and how far beyond that the page goes before it stops the stream for a held view. */
export const CAPACITY = 50_000;
export const HELD_CAPACITY = 60_000;
/** What may still be under way when the page stops acknowledging: the credit window, in lines. */
const IN_FLIGHT = 4 * 500;

export const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'];

/**
 * @typedef {object} Line
 * @property {number} seq place in arrival order; never reused
 * @property {number} p partition, -1 for the page's own notes
 * @property {number} o offset
 * @property {number} ts epoch milliseconds
 * @property {number} level index into LEVELS
 * @property {string} service
 * @property {string} trace
 * @property {string} msg
 * @property {Record<string, unknown>} fields
 * @property {string} [hay] lower-case text a filter searches, made when first asked for; message and fields a row each
 */

/** A ring of lines addressed by `seq`, which takes every (partition, offset) once. */
export class Lines {
  first = 0;
  next = 0;
  /** Seq that must not be dropped yet, because somebody is looking at it. */
  hold = Infinity;
  duplicates = 0;
  errors = 0;
  /** @type {Map<number, number>} partition to the offset below which everything was delivered */
  #floor = new Map();
  /** Lines held above the floor: a frame is sorted by time, so its offsets may go up and down. @type {Set<string>} */
  #ahead = new Set();
  /** @type {Set<string>} */
  services = new Set();
  /** @type {Line[]} */
  #slots = new Array(HELD_CAPACITY);

  get size() { return this.next - this.first; }

  /** True once a further frame could push out a line that is being looked at. */
  get full() { return this.size + IN_FLIGHT > HELD_CAPACITY; }

  /** @param {number} seq @returns {Line} */
  get(seq) { return this.#slots[seq % HELD_CAPACITY]; }

  /** The line, if it is still held. @param {number} seq */
  find(seq) { return seq >= this.first && seq < this.next ? this.get(seq) : null; }

  /** @param {any[]} row a row of a `lines` frame; false if it is held already */
  add(row) {
    const [p, o, ts, level, service, trace, msg, fields] = row;
    const key = `${p}:${o}`;
    if (o < (this.#floor.get(p) ?? 0) || this.#ahead.has(key)) {
      this.duplicates += 1;
      return false;
    }
    this.#ahead.add(key);
    this.services.add(service);
    if (level === 4) this.errors += 1;
    this.#push({ seq: this.next, p, o, ts, level, service, trace: trace ?? '', msg, fields: fields ?? {} });
    return true;
  }

  /** Where a line is held, -1 if it is not. @param {number} p @param {number} o */
  seqOf(p, o) {
    for (let seq = this.next - 1; seq >= this.first; seq -= 1) {
      const line = this.get(seq);
      if (line.o === o && line.p === p) return seq;
    }
    return -1;
  }

  /** A remark of the page itself between the lines. @param {string} msg @param {number} now */
  note(msg, now) {
    this.#push({ seq: this.next, p: -1, o: -1, ts: now, level: 2, service: '', trace: '', msg, fields: {} });
  }

  /** Everything below these offsets has come, or never will. @param {Map<number, number>} floor */
  settle(floor) {
    for (const [p, o] of floor) this.#floor.set(p, o);
    for (const key of this.#ahead) {
      const [p, o] = key.split(':').map(Number);
      if (o < (this.#floor.get(p) ?? 0)) this.#ahead.delete(key);
    }
  }

  /** The log is another one: nothing held has a place in it. */
  clear() {
    this.first = this.next;
    this.#floor.clear();
    this.#ahead.clear();
    this.duplicates = 0;
  }

  /** Drops the oldest lines beyond the capacity, up to the held one. */
  trim() {
    const target = Math.min(this.next - CAPACITY, this.hold);
    if (target > this.first) this.first = target;
  }

  /** [partition, offset] of every line held, in display order. */
  positions() {
    const all = [];
    for (let seq = this.first; seq < this.next; seq += 1) {
      const line = this.get(seq);
      if (line.p >= 0) all.push([line.p, line.o]);
    }
    return all;
  }

  /** @param {Line} line */
  #push(line) {
    if (this.size >= HELD_CAPACITY) this.first += 1; // a server that ignores credit: stay bounded
    this.#slots[line.seq % HELD_CAPACITY] = line;
    this.next += 1;
  }
}

/** What is shown of the lines: those a filter lets through, up to `limit` while the view is held. */
export class View {
  limit = Infinity;
  /** @type {Filter | null} */
  filter = null;
  /** @type {number[]} seqs that match, ascending; unused without a filter */
  #seqs = [];
  #head = 0;
  #scanned = 0;

  /** @param {Lines} lines */
  constructor(lines) { this.lines = lines; }

  /** @param {Filter | null} filter */
  setFilter(filter) {
    this.filter = filter;
    this.#seqs = [];
    this.#head = 0;
    this.#scanned = this.lines.first;
  }

  /** Tests lines not looked at yet for about `ms`; false while there are more. @param {number} ms */
  work(ms) {
    const { lines, filter } = this;
    if (!filter) return true;
    while (this.#head < this.#seqs.length && this.#seqs[this.#head] < lines.first) this.#head += 1;
    if (this.#head > 10_000) {
      this.#seqs.splice(0, this.#head);
      this.#head = 0;
    }
    this.#scanned = Math.max(this.#scanned, lines.first);
    const until = performance.now() + ms;
    while (this.#scanned < lines.next) {
      const line = lines.get(this.#scanned);
      if (line.p < 0 || filter.test(line)) this.#seqs.push(this.#scanned);
      this.#scanned += 1;
      if (this.#scanned % 128 === 0 && performance.now() > until) return false;
    }
    return true;
  }

  get length() {
    const { lines, limit } = this;
    if (!this.filter) return Math.max(0, Math.min(lines.next, limit) - lines.first);
    return (limit === Infinity ? this.#seqs.length : this.#lower(limit)) - this.#head;
  }

  /** Matching lines that are held back behind `limit`. */
  get behind() {
    const { lines, limit } = this;
    if (limit === Infinity) return 0;
    if (!this.filter) return Math.max(0, lines.next - Math.max(limit, lines.first));
    return this.#seqs.length - Math.max(this.#lower(limit), this.#head);
  }

  /** @param {number} index @returns {Line} */
  at(index) {
    return this.lines.get(this.filter ? this.#seqs[this.#head + index] : this.lines.first + index);
  }

  /** Index of the line, or of the next one shown. @param {number} seq */
  indexOf(seq) {
    if (!this.filter) return Math.max(0, seq - this.lines.first);
    return Math.max(0, this.#lower(seq) - this.#head);
  }

  /** First place in #seqs with a value of at least `seq`. @param {number} seq */
  #lower(seq) {
    let [low, high] = [this.#head, this.#seqs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#seqs[middle] < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** @typedef {{ text: string, test: (line: Line) => boolean }} Filter */

/** @param {Line} line */
function hay(line) {
  line.hay ??= [line.msg, line.service, ...Object.entries(line.fields).map(([k, v]) => `${k}=${show(v)}`)].join('\n').toLowerCase();
  return line.hay;
}

/** A line as one line of text. @param {Line} line */
export function asText(line) {
  const fields = Object.entries(line.fields).map(([name, value]) => `${name}=${show(value)}`);
  return [new Date(line.ts).toISOString(), LEVELS[line.level], line.service, line.msg, ...fields, line.trace && `trace=${line.trace}`].filter(Boolean).join(' ');
}

/** A field's value on one line. @param {unknown} value */
export const show = (value) => (typeof value === 'string' ? value : JSON.stringify(value) ?? '');

const TOKEN = /(-?)(?:(level|svc|trace|type):(\S*)|\/((?:[^/\\]|\\.)+)\/|"([^"]*)"?|(\S+))/y;

/**
 * `level:warn+ svc:payments,users trace:4f2a type:confirmed "two words" -health /declin(ed|ing)/ sku=mug text`;
 * every part must hold. Throws SyntaxError for a pattern that is none.
 * @param {string} text @returns {Filter | null} null lets everything through
 */
export function parseFilter(text) {
  const tests = [];
  let at = 0;
  for (;;) {
    while (text[at] === ' ') at += 1;
    if (at >= text.length) break;
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) break;
    at = TOKEN.lastIndex;
    const [, not, key, value, pattern, quoted, word] = found;
    const test = key ? keyTest(key, value) : pattern ? regexTest(pattern) : textTest(quoted ?? word);
    if (test) tests.push(not ? (/** @type {Line} */ line) => !test(line) : test);
  }
  return tests.length ? { text: text.trim(), test: (line) => tests.every((test) => test(line)) } : null;
}

/** @param {string} key @param {string} value @returns {((line: Line) => boolean) | null} */
function keyTest(key, value) {
  const wanted = value.toLowerCase().split(',').filter(Boolean);
  if (!wanted.length) return null; // still being typed
  if (key === 'svc') return (line) => wanted.some((name) => line.service.toLowerCase().startsWith(name));
  if (key === 'trace') return (line) => wanted.some((id) => line.trace.startsWith(id));
  if (key === 'type') return (line) => wanted.some((part) => show(line.fields.event_type).toLowerCase().includes(part));
  const ranges = wanted.map((name) => {
    const upwards = name.endsWith('+');
    const level = LEVELS.findIndex((known) => known.toLowerCase().startsWith(upwards ? name.slice(0, -1) : name));
    return { level, upwards };
  });
  return (line) => ranges.some(({ level, upwards }) => (upwards ? line.level >= level : line.level === level));
}

/** @param {string} pattern */
function regexTest(pattern) {
  const regex = new RegExp(pattern, 'im');
  return (/** @type {Line} */ line) => regex.test(hay(line));
}

/** @param {string} word */
function textTest(word) {
  const needle = word.toLowerCase();
  if (!needle) return null;
  return (/** @type {Line} */ line) => hay(line).includes(needle);
}

/** Replaces one `key:` part of a filter's text, or removes it. @param {string} text @param {string} key @param {string} value */
export function withKey(text, key, value) {
  const rest = text.replace(new RegExp(`(^|\\s)${key}:\\S*`, 'g'), ' ').replace(/\s+/g, ' ').trim();
  return value ? `${key}:${value} ${rest}`.trim() : rest;
}

/** @param {string} text @param {string} key */
export const keyOf = (text, key) => new RegExp(`(?:^|\\s)${key}:(\\S+)`).exec(text)?.[1] ?? '';
