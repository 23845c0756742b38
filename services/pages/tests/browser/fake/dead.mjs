// Dead letters in memory, and the console's API over them.

export class Dead {
  /** @type {any[]} */
  letters = [];
  /** Letters that one request puts back. */
  perRequest = 100;

  /** @param {import('./topics.mjs').Topics} topics */
  constructor(topics) {
    this.topics = topics;
  }

  /**
   * A letter of `topic`; what is not said is usual. `replayed` is called when it is put back.
   * @param {string} topic @param {any} [facts]
   */
  bury(topic, { value = '{"not":"an event"}', state = 'open', why = null, onReplay = () => {}, event = null, ...facts } = {}) {
    const offset = this.letters.filter((letter) => letter.topic === topic).length;
    const source = { topic, partition: 0, offset: 40 + offset };
    const record = { ...source, time: Date.now(), size: value.length, key: `key-${offset}`, key_encoding: 'utf8', value, value_encoding: 'utf8', truncated: false, headers: [{ name: 'content-type', value: 'application/cloudevents+json', encoding: 'utf8' }], event };
    this.letters.push({
      topic, onReplay,
      shown: {
        partition: 0, offset, time: Date.now() + offset, state, why: state === 'not_replayable' ? 'its value of 3000000 bytes was cut to fit' : why,
        reason: 'the record’s value is not a readable CloudEvent', attempts: 5, replays: 0, copies: 1, group: 'notifications-service', source,
        replayed: state === 'replayed' ? { time: Date.now(), partition: 0, offset: 90 } : null, record, ...facts,
      },
    });
  }

  #counts() {
    const topics = [...this.topics.topics.keys()].filter((name) => !name.endsWith('.dlq')).sort().map((topic) => {
      const count = (state) => this.letters.filter((letter) => letter.topic === topic && letter.shown.state === state).length;
      return { topic, dead_letters: `${topic}.dlq`, open: count('open'), replayed: count('replayed'), not_replayable: count('not_replayable'), strange: 0, left_out: 0, unread: 0 };
    });
    return { open: topics.reduce((sum, { open }) => sum + open, 0), topics };
  }

  #replay(letter) {
    const { shown, topic, onReplay } = letter;
    const at = { partition: shown.partition, offset: shown.offset };
    if (shown.state !== 'open') return { kept: { ...at, why: shown.why ?? 'it was put back already' } };
    shown.state = 'replayed';
    shown.replayed = { time: Date.now(), partition: 0, offset: 90 };
    onReplay();
    return { done: { ...at, source: shown.source, to: { topic, partition: 0, offset: 90 }, noted: true } };
  }

  /** @param {string} method @param {URL} url @param {any} order */
  answer(method, url, order) {
    if (this.topics.down) return { status: 503, body: { title: 'Broker away', status: 503, detail: 'cannot reach the log', hint: 'try again' } };
    if (url.pathname === '/api/v1/dead-letters') return { status: 200, body: this.#counts() };
    const [, , , , topic, , what] = url.pathname.split('/').map(decodeURIComponent);
    if (!this.topics.topics.has(topic)) return { status: 404, body: { title: 'There is no such topic with dead letters', status: 404, hint: 'see /api/v1/dead-letters' } };
    const own = this.letters.filter((letter) => letter.topic === topic);
    if (method === 'POST' && what === 'replay') {
      const wanted = order.all ? own.filter(({ shown }) => shown.state === 'open') : own.filter(({ shown }) => shown.offset === order.offset);
      const results = wanted.slice(0, this.perRequest).map((letter) => this.#replay(letter));
      const left = own.filter(({ shown }) => shown.state === 'open').length;
      return { status: 200, body: { replayed: results.flatMap(({ done }) => done ?? []), not_replayed: results.flatMap(({ kept }) => kept ?? []), next: order.all && left ? 'on' : null, open: left } };
    }
    const [state, skip, limit] = [url.searchParams.get('state'), Number(url.searchParams.get('cursor') ?? 0), 50];
    const all = own.map(({ shown }) => shown).filter((shown) => !state || shown.state === state).reverse();
    return { status: 200, body: { letters: all.slice(skip, skip + limit), next: skip + limit < all.length ? String(skip + limit) : null, unread: 0 } };
  }
}
