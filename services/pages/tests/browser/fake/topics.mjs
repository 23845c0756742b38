// Topics and groups in memory, and the console's API over them.
import { createHash, randomUUID } from 'node:crypto';

export class Topics {
  down = false;
  /** @type {Map<string, any[][]>} */
  topics = new Map();
  groups = new Map([
    ['inventories-service', { topics: ['inventories'], committed: new Map() }],
    ['notifications-service', { topics: ['notifications'], committed: new Map() }],
    ['payments-service', { topics: ['stock'], committed: new Map() }],
  ]);

  constructor(names = ['inventories', 'logs', 'notifications', 'stock']) {
    for (const name of names) this.topics.set(name, [[], [], []]);
  }

  produce(topic, key, value, partition = createHash('md5').update(String(key)).digest()[0] % 3) {
    const records = this.topics.get(topic)[partition];
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const headers = [{ name: 'content-type', value: 'application/cloudevents+json', encoding: 'utf8' }];
    if (value.traceparent) headers.push({ name: 'traceparent', value: value.traceparent, encoding: 'utf8' });
    const event = value.type ? { id: value.id, type: value.type, source: value.source, subject: value.subject ?? null, trace_id: value.traceparent?.slice(3, 35) ?? null } : null;
    records.push({ partition, offset: records.length, time: Date.now(), size: text.length + 80, key, key_encoding: 'utf8', value: text, value_encoding: 'utf8', truncated: false, headers, event });
    // The fake workers are done at once, unless a group was told to stand still.
    for (const group of this.groups.values()) if (group.topics.includes(topic) && !group.stopped) group.committed.set(`${topic}:${partition}`, records.length);
  }

  #partition(topic, p) {
    const records = this.topics.get(topic)[p];
    return { partition: p, earliest: 0, next: records.length, records: records.length, bytes: records.reduce((sum, r) => sum + r.size, 0), last_write: records.at(-1)?.time ?? null };
  }

  #groupPartitions(name) {
    const group = this.groups.get(name);
    return group.topics.flatMap((topic) => this.topics.get(topic).map((records, p) => {
      const committed = group.committed.get(`${topic}:${p}`) ?? null;
      return { topic, partition: p, committed, next: records.length, lag: records.length - (committed ?? 0), member: `${name}-1` };
    }));
  }

  #group(name) {
    const partitions = this.#groupPartitions(name);
    return { group: name, state: 'stable', members: 1, lag: partitions.reduce((sum, p) => sum + p.lag, 0), topics: this.groups.get(name).topics };
  }

  #readers(topic) {
    return [...this.groups.keys()].filter((name) => this.groups.get(name).topics.includes(topic))
      .map((group) => ({ group, lag: this.#groupPartitions(group).reduce((sum, p) => sum + p.lag, 0) }));
  }

  overview(logId, ports) {
    const topics = [...this.topics.keys()].map((name) => {
      const all = [0, 1, 2].map((p) => this.#partition(name, p));
      return { name, partitions: 3, records: all.reduce((s, p) => s + p.records, 0), bytes: all.reduce((s, p) => s + p.bytes, 0), last_write: Math.max(...all.map((p) => p.last_write ?? 0)) || null, groups: this.#readers(name) };
    });
    return { mode: 'embedded', log_id: logId, time: Date.now(), ports: { logs: ports.logs }, topics, groups: [...this.groups.keys()].map((name) => this.#group(name)) };
  }

  topic(name) {
    const partitions = [0, 1, 2].map((p) => this.#partition(name, p));
    return { name, records: partitions.reduce((s, p) => s + p.records, 0), bytes: partitions.reduce((s, p) => s + p.bytes, 0), partitions, groups: this.#readers(name) };
  }

  group(name) {
    const partitions = this.#groupPartitions(name);
    const { state, lag } = this.#group(name);
    return { group: name, state, lag, members: [{ id: `${name}-1`, host: '127.0.0.1', partitions: partitions.map(({ topic, partition }) => ({ topic, partition })) }], partitions };
  }

  /** @param {URLSearchParams} query */
  messages(name, query) {
    const mode = query.get('mode') ?? 'LATEST';
    const wanted = query.get('partitions')?.split(',').map(Number) ?? [0, 1, 2];
    const limit = Number(query.get('limit') ?? 50);
    const q = query.get('q')?.toLowerCase() ?? '';
    const from = Number(query.get('offset') ?? 0);
    const skip = Number(query.get('cursor') ?? 0);
    const order = mode === 'LATEST' ? -1 : 1;
    const all = this.topics.get(name).flatMap((records, p) => (wanted.includes(p) ? records.slice(mode === 'FROM_OFFSET' ? from : 0) : []))
      .sort((a, b) => order * (a.time - b.time || a.partition - b.partition || a.offset - b.offset))
      .filter((r) => !q || `${r.key} ${r.value} ${r.headers.map((h) => h.value).join(' ')}`.toLowerCase().includes(q));
    const page = all.slice(skip, skip + limit).map((r) => (r.value.length > 4096 ? { ...r, value: r.value.slice(0, 4096), truncated: true } : r));
    const next = skip + limit < all.length ? String(skip + limit) : null;
    return { messages: page, next, scanned: all.length, matched: page.length, elapsed_ms: 1, done: true };
  }

  /** @param {URL} url @param {string} logId @param {{ logs: number }} ports */
  answer(url, logId, ports) {
    if (this.down) return { status: 503, body: { title: 'Broker away', status: 503, detail: 'cannot reach the log', hint: 'try again' } };
    const [, , , kind, name, what, p, o] = url.pathname.split('/').map(decodeURIComponent);
    const missing = { status: 404, body: { title: 'Not found', status: 404, detail: url.pathname, hint: 'see /api/v1/overview' } };
    if (kind === 'overview') return { status: 200, body: this.overview(logId, ports) };
    if (kind === 'groups') {
      if (!name) return { status: 200, body: [...this.groups.keys()].map((group) => this.#group(group)) };
      return this.groups.has(name) ? { status: 200, body: this.group(name) } : missing;
    }
    if (kind !== 'topics' || !this.topics.has(name)) return missing;
    if (!what) return { status: 200, body: this.topic(name) };
    if (p === undefined) return { status: 200, body: this.messages(name, url.searchParams) };
    const record = this.topics.get(name)[Number(p)]?.[Number(o)];
    return record ? { status: 200, body: record } : missing;
  }
}

/** Something to look at. @param {Topics} topics */
export function deadLetter(topics) {
  topics.topics.set('notifications.dlq', [[], [], []]);
  topics.produce('notifications.dlq', randomUUID(), '{"not":"an event"}', 1);
}
