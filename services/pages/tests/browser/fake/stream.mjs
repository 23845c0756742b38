// stream.v1 over the fake log, with faults on request.
import { randomUUID } from 'node:crypto';

const WINDOW = 4;
const BATCH = 500;

/** @param {string} cursor @returns {Map<number, number>} */
const offsets = (cursor) => new Map(cursor.split(',').filter(Boolean).map((part) => /** @type {[number, number]} */ (part.split(':').map(Number))));

/** The topic `logs` of the fake shop: rows of the `lines` frame, by partition; `null` where a repeat is hidden. */
export class FakeLog {
  logId = randomUUID();
  boot = randomUUID();
  hbMs = 10_000;
  /** Close the socket after sending half of a frame, once, when so many lines were sent. */
  breakAfter = Infinity;
  /** @type {any[][][]} */
  partitions = [[], [], []];
  earliest = [0, 0, 0];
  /** Records at the end of partition 0 that make no line. */
  unreadable = 0;
  /** @type {Set<Client>} */
  clients = new Set();

  /** @param {string} service @param {string} message @param {{ level?: number, trace?: string, fields?: object, partition?: number }} [how] */
  write(service, message, { level = 2, trace = randomUUID().replaceAll('-', ''), fields = {}, partition = Math.floor(Math.random() * 3) } = {}) {
    const rows = this.partitions[partition];
    // The time is the event's, and services' clocks differ: it does not rise with the offset.
    const row = [partition, rows.length, Date.now() - Math.floor(Math.random() * 5), level, service, trace, message, { id: randomUUID(), ...fields }];
    rows.push(row);
    this.wake();
    return row;
  }

  /** A record that repeats a line: it takes an offset and is shown nowhere. @param {number} partition */
  repeat(partition) { this.partitions[partition].push(null); }

  /** As `GET /api/lines` answers. @param {URLSearchParams} query */
  lines(query) {
    const [p, from, limit] = [Number(query.get('partition')), Number(query.get('from') ?? 0), Number(query.get('limit') ?? 1000)];
    if (!this.partitions[p]) return null;
    const l = this.partitions[p].slice(Math.max(from, this.earliest[p])).filter(Boolean).slice(0, limit);
    return { earliest: this.earliest[p], next: this.next[p], l };
  }

  get next() { return this.partitions.map((rows, p) => rows.length + (p === 0 ? this.unreadable : 0)); }
  get total() { return this.next.reduce((sum, n) => sum + n, 0); }

  wake() { for (const client of this.clients) client.schedule(); }

  /** Another log in place of this one. */
  recreate() {
    this.logId = randomUUID();
    this.partitions = [[], [], []];
    this.earliest = [0, 0, 0];
    this.unreadable = 0;
    this.dropAll();
  }

  /** @param {number} [code] without one the connections just break */
  dropAll(code) {
    for (const client of [...this.clients]) code ? client.socket.close(code) : client.socket.break();
  }

  /** @param {import('./ws.mjs').Socket} socket @param {boolean} framed */
  attach(socket, framed) {
    const client = framed ? new Client(this, socket) : new Plain(this, socket);
    this.clients.add(client);
    socket.onClose = () => { client.stop(); this.clients.delete(client); };
  }
}

/** Rows of all partitions, each partition's in its own order and by time as far as that allows. @param {any[][][]} parts */
function merged(parts) {
  const rows = [];
  const at = parts.map(() => 0);
  for (;;) {
    const heads = parts.map((part, p) => part[at[p]]?.[2] ?? Infinity);
    const earliest = Math.min(...heads);
    if (earliest === Infinity) return rows;
    const p = heads.indexOf(earliest);
    rows.push(parts[p][at[p]]);
    at[p] += 1;
  }
}

/** A subscriber without subprotocol: LogEntry per frame, from now on. */
class Plain {
  constructor(log, socket) {
    this.log = log;
    this.socket = socket;
    this.at = log.next;
  }
  stop() {}
  schedule() {
    this.log.partitions.forEach((rows, p) => {
      for (; this.at[p] < rows.length; this.at[p] += 1) {
        if (!rows[this.at[p]]) continue;
        const [, , ts, level, service, trace, message, { id, event_type, ...fields }] = rows[this.at[p]];
        this.socket.send(JSON.stringify({ id, time: new Date(ts).toISOString(), level: ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'][level], service, message, trace_id: trace, event_type, fields }));
      }
    });
  }
}

class Client {
  sent = 0;
  acked = 0;
  lines = 0;
  /** @type {number[] | null} */
  at = null;
  #timer = null;

  /** @param {FakeLog} log @param {import('./ws.mjs').Socket} socket */
  constructor(log, socket) {
    this.log = log;
    this.socket = socket;
    socket.onText = (text) => this.#frame(JSON.parse(text));
    this.#say({ t: 'hello', proto: 1, boot: log.boot, log_id: log.logId, earliest: this.#cursor(log.earliest), latest: this.#cursor(log.next), hb_ms: log.hbMs, window: WINDOW });
    this.#beat = setInterval(() => this.#say({ t: 'hb' }), log.hbMs);
  }

  #beat;

  stop() {
    clearInterval(this.#beat);
    clearTimeout(this.#timer);
  }

  #cursor(at) { return at.map((o, p) => `${p}:${o}`).join(','); }
  #say(frame) { this.socket.send(JSON.stringify(frame)); }

  #frame(frame) {
    if (frame.t === 'ack') {
      this.acked = Math.max(this.acked, frame.id);
      return this.schedule();
    }
    if (frame.t !== 'sub' || this.at) {
      this.#say({ t: 'err', code: 'bad_message', msg: `unexpected ${frame.t}` });
      return this.socket.close(4400);
    }
    let { from } = frame;
    if (frame.log_id && frame.log_id !== this.log.logId) {
      this.#say({ t: 'reset', log_id: this.log.logId });
      from = 'tail:200';
    }
    this.at = this.#start(from);
    return this.schedule();
  }

  /** @param {string} from */
  #start(from) {
    const { log } = this;
    if (from === 'now') return log.next;
    if (from.startsWith('cur:')) {
      const cursor = offsets(from.slice(4));
      return log.earliest.map((earliest, p) => {
        const wanted = cursor.get(p) ?? earliest;
        if (wanted < earliest) this.#say({ t: 'gap', partition: p, from: wanted, to: earliest, n: earliest - wanted, why: 'retention' });
        return Math.max(wanted, earliest);
      });
    }
    if (!from.startsWith('tail:')) return [...log.earliest];
    const newest = log.partitions.flat().filter((row) => row && row[1] >= log.earliest[row[0]]).sort((a, b) => a[2] - b[2]).slice(-Number(from.slice(5)));
    return log.next.map((next, p) => Math.min(next, ...newest.filter((row) => row[0] === p).map((row) => row[1])));
  }

  /** Batches for 20 ms, as the real server does for a little longer. */
  schedule() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, 20);
  }

  #pump() {
    while (this.at && this.socket.open && this.sent - this.acked < WINDOW) {
      const taken = this.log.partitions.map((all, p) => all.slice(this.at[p], this.at[p] + Math.floor(BATCH / 3)));
      taken.forEach((part, p) => { this.at[p] += part.length; });
      const rows = merged(taken.map((part) => part.filter(Boolean)));
      if (!rows.length) return;
      this.sent += 1;
      this.lines += rows.length;
      const text = JSON.stringify({ t: 'lines', id: this.sent, cur: this.#cursor(this.at), l: rows });
      if (this.lines > this.log.breakAfter) {
        this.log.breakAfter = Infinity;
        return this.socket.break(text);
      }
      this.socket.send(text);
    }
  }
}
