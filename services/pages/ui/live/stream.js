// The live stream: one WebSocket at a time, resumed where the last one ended.
import { batch, signal } from '@preact/signals';
import { count } from '../shared/ui.js';

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
const OPEN_TIMEOUT = 10_000;
const RESUMED_SHOWN = 4_000;

/** @param {string} cursor @returns {Map<number, number>} */
export const offsets = (cursor) => new Map(cursor.split(',').filter(Boolean).map((part) => /** @type {[number, number]} */ (part.split(':').map(Number))));

/** @param {Map<number, number>} from @param {Map<number, number>} to */
function distance(from, to) {
  let sum = 0;
  for (const [p, end] of to) sum += Math.max(0, end - (from.get(p) ?? 0));
  return sum;
}

export class Stream {
  /** connecting, replaying, live, disconnected, reconnected or reset */
  state = signal('connecting');
  /** Lines of the replay so far and in all. */
  replay = signal({ done: 0, total: 0 });
  /** When the next attempt is due, epoch ms; 0 while one is under way. */
  retryAt = signal(0);
  lostAt = signal(0);
  resumed = signal('');
  perSecond = signal(0);
  why = signal('');
  boot = '';
  logId = '';
  connections = 0;

  #cursor = '';
  /** Finds the cursor to begin at, once. @type {((hello: any) => Promise<string>) | null} */
  #find = null;
  #attempts = 0;
  #behind = false;
  #received = 0;
  #heard = 0;
  #silence = 25_000;
  /** @type {Map<number, number>} where the log ended when this connection began */
  #goal = new Map();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {number | null} */
  #unacked = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #shown;

  /** @param {import('./lines.js').Lines} lines @param {() => void} changed called after lines came or went */
  constructor(lines, changed) {
    this.lines = lines;
    this.changed = changed;
  }

  /** @param {((hello: any) => Promise<string>) | null} [find] where to begin, if not with the newest lines ('') */
  start(find = null) {
    this.#find = find;
    this.#connect();
    setInterval(() => this.#tick(), 1000);
    addEventListener('online', () => this.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      // A machine that slept wakes with a socket that looks open and is dead.
      if (!this.#checkSilence()) this.retryNow();
    });
  }

  /** Ends the wait between two attempts. */
  retryNow() {
    if (!this.#socket) this.#connect();
  }

  /** Gives credit again once there is room; called when the view lets go of old lines. */
  flush() {
    if (this.#unacked === null || this.lines.full) return;
    this.#send({ t: 'ack', id: this.#unacked });
    this.#unacked = null;
  }

  get held() { return this.#unacked !== null; }

  #connect() {
    clearTimeout(this.#retry);
    this.retryAt.value = 0;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/`, 'stream.v1');
    this.#socket = socket;
    this.#heard = Date.now();
    const slow = setTimeout(() => socket.readyState === WebSocket.CONNECTING && this.#lost(socket, 'no answer'), OPEN_TIMEOUT);
    socket.onopen = () => { clearTimeout(slow); this.#heard = Date.now(); };
    socket.onmessage = (event) => { if (this.#socket === socket) this.#frame(JSON.parse(event.data)); };
    socket.onclose = (event) => { clearTimeout(slow); this.#lost(socket, event.reason || (event.code === 1013 ? 'the server has too many pages open' : '')); };
  }

  /** @param {any} frame */
  #frame(frame) {
    this.#heard = Date.now();
    switch (frame.t) {
      case 'hello': return this.#find ? this.#locate(frame) : this.#hello(frame);
      case 'lines': return this.#lines(frame);
      case 'gap': return this.#gap(frame);
      case 'reset': return this.#reset(frame.log_id);
      case 'err': this.why.value = frame.msg; return undefined;
      default: return undefined; // hb, and frames of a later version
    }
  }

  /** The subscription waits until it is known where to begin; if that fails, so has the connection. */
  #locate(frame) {
    const socket = this.#socket;
    this.#find?.(frame).then((cursor) => {
      if (this.#socket !== socket) return;
      this.#find = null;
      this.#cursor = cursor;
      this.#hello(frame);
    }, () => socket?.close());
  }

  #hello(frame) {
    this.#silence = 2.5 * frame.hb_ms;
    this.#behind = true;
    this.#unacked = null;
    this.connections += 1;
    this.#goal = offsets(frame.latest);
    const other = this.logId !== '' && this.logId !== frame.log_id;
    const resumes = this.#cursor !== '' && !other;
    const total = resumes ? distance(offsets(this.#cursor), this.#goal) : Math.min(200, distance(offsets(frame.earliest), this.#goal));
    // A log that is another one is answered with `reset`; the server goes on as for a first visit.
    this.#send({ t: 'sub', from: this.#cursor ? `cur:${this.#cursor}` : 'tail:200', ...(this.logId && { log_id: this.logId }) });
    this.boot = frame.boot;
    if (!this.logId) this.logId = frame.log_id;
    batch(() => {
      this.why.value = '';
      this.replay.value = { done: 0, total };
      this.state.value = 'replaying';
    });
    if (total > 0 || other) return;
    this.#cursor ||= frame.latest; // an empty log: what is written while we are away is still ours
    this.#caughtUp();
  }

  #lines(frame) {
    let added = 0;
    for (const row of frame.l) if (this.lines.add(row)) added += 1;
    const reached = offsets(frame.cur);
    this.lines.settle(reached);
    this.#cursor = frame.cur;
    this.#received += added;
    this.lines.trim();
    this.#unacked = frame.id;
    this.flush();
    this.#attempts = 0;
    if (this.#behind) {
      const { done, total } = this.replay.value;
      this.replay.value = { done: done + added, total: Math.max(total, done + added) };
      if (distance(reached, this.#goal) === 0) this.#caughtUp();
    }
    this.changed();
  }

  #gap(frame) {
    const here = offsets(this.#cursor);
    here.set(frame.partition, Math.max(frame.to, here.get(frame.partition) ?? 0));
    this.lines.settle(here);
    this.#cursor = [...here].map(([p, o]) => `${p}:${o}`).join(',');
    this.lines.note(`${count(frame.n)} lines of partition ${frame.partition} were removed by ${frame.why} before they could be read`, Date.now());
    this.changed();
  }

  /** @param {string} logId */
  #reset(logId) {
    this.logId = logId;
    this.#cursor = '';
    this.lines.clear();
    this.lines.note('the log was recreated; older lines are gone', Date.now());
    this.state.value = 'reset';
    if (distance(new Map(), this.#goal) === 0) this.#caughtUp();
    this.changed();
  }

  /** The replay has reached the end the log had at the start of the connection. */
  #caughtUp() {
    const { done } = this.replay.value;
    this.#behind = false;
    this.#attempts = 0;
    if (this.state.value === 'reset') return this.#fade('live');
    if (this.connections === 1) {
      this.state.value = 'live';
      return undefined;
    }
    const [p, o] = [...offsets(this.#cursor)][0] ?? [0, 0];
    this.resumed.value = `resumed at ${p}:${o} · ${count(done)} ${done === 1 ? 'line' : 'lines'} replayed`;
    this.state.value = 'reconnected';
    return this.#fade('live');
  }

  /** @param {string} to */
  #fade(to) {
    const from = this.state.value;
    clearTimeout(this.#shown);
    this.#shown = setTimeout(() => { if (this.state.value === from) this.state.value = to; }, RESUMED_SHOWN);
  }

  /** @param {WebSocket} socket @param {string} why */
  #lost(socket, why) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#behind = false;
    socket.onmessage = null;
    socket.close();
    clearTimeout(this.#shown);
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts) * (0.7 + Math.random() * 0.6);
    this.#attempts += 1;
    batch(() => {
      if (this.state.value !== 'disconnected') this.lostAt.value = Date.now();
      if (why) this.why.value = why;
      this.state.value = 'disconnected';
      this.retryAt.value = Date.now() + delay;
    });
    this.#retry = setTimeout(() => this.#connect(), delay);
  }

  /** Counts lines a second and watches for a socket that has gone silent. */
  #tick() {
    // The end of the log may be records that make no line; then no frame ever says that it is reached.
    if (this.#behind && this.#received === 0 && this.#unacked === null && Date.now() - this.#heard > 1500) this.#caughtUp();
    this.perSecond.value = this.#received;
    this.#received = 0;
    this.#checkSilence();
  }

  #checkSilence() {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN || Date.now() - this.#heard <= this.#silence) return false;
    this.#lost(socket, 'nothing heard');
    this.retryNow();
    return true;
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }
}
