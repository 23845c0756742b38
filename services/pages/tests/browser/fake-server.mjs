// A stand-in for the program: the pages from disk over services in memory, with faults on request.
// By hand: node fake-server.mjs [--busy]   (ports by the program's variables; 0 takes a free one)
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { randomUUID } from 'node:crypto';
import { asset, index } from './fake/pages.mjs';
import { Shop } from './fake/shop.mjs';
import { Dead } from './fake/dead.mjs';
import { FakeLog } from './fake/stream.mjs';
import { Topics } from './fake/topics.mjs';
import { accept } from './fake/ws.mjs';

/** @param {import('node:http').ServerResponse} response */
function reply(response, status, body, headers = {}) {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(bytes);
}

/** @param {import('node:http').IncomingMessage} request */
async function readForm(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return request.headers['content-type']?.includes('json') ? JSON.parse(text || '{}') : Object.fromEntries(new URLSearchParams(text));
}

/** A program that shares a broker may have a prefix before it. */
export const TOPIC = 'logs';

const CORS = {
  'access-control-allow-methods': 'GET, POST', 'access-control-allow-headers': 'authorization, content-type, idempotency-key, traceparent',
};

export class FakeServer {
  log = new FakeLog();
  topics = new Topics();
  dead = new Dead(this.topics);
  shop = new Shop(this.topics, this.log);
  ports = { logs: 0, users: 0, payments: 0, inventories: 0, console: 0 };
  #servers = [];

  /** @param {Partial<FakeServer['ports']>} [ports] ports to take again after a stop */
  async start(ports = {}) {
    this.log.boot = randomUUID();
    const logs = createServer((q, s) => this.#logs(q, s));
    logs.on('upgrade', (request, raw) => this.log.attach(accept(request, /** @type {any} */ (raw)), request.headers['sec-websocket-protocol'] === 'stream.v1'));
    this.ports.logs = await this.#listen(logs, ports.logs);
    this.ports.users = await this.#listen(createServer((q, s) => this.#service(q, s, (path, form, trace) => this.shop.route(path, form, trace))), ports.users);
    this.ports.payments = await this.#listen(createServer((q, s) => this.#service(q, s, (path, form, trace, bearer, url) => (
      q.method === 'POST' ? this.shop.pay(form, trace, bearer) : this.shop.payment(path.split('/')[2], Number(url.searchParams.get('wait') ?? 0))))), ports.payments);
    this.ports.console = await this.#listen(createServer((q, s) => this.#console(q, s)), ports.console);
    return this;
  }

  get live() { return `http://localhost:${this.ports.logs}`; }
  get console() { return `http://localhost:${this.ports.console}`; }

  async stop() {
    this.log.dropAll();
    await Promise.all(this.#servers.splice(0).map((server) => new Promise((done) => { server.close(done); server.closeAllConnections(); })));
  }

  async #listen(server, port = 0) {
    server.keepAliveTimeout = 1000;
    await new Promise((resolve, reject) => { server.once('error', reject); server.listen(port, 'localhost', () => resolve(undefined)); });
    this.#servers.push(server);
    return server.address().port;
  }

  #logs(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.live);
    if (pathname === '/') {
      const { body, headers } = index('live', [`http://localhost:${this.ports.users}`, `http://localhost:${this.ports.payments}`]);
      return reply(response, 200, body, headers);
    }
    if (pathname === '/health/ready') return reply(response, 200, { status: 'ready' });
    if (pathname === '/api/meta') return reply(response, 200, { version: '0.1.0', boot: this.log.boot, log_id: this.log.logId, mode: 'embedded', topic: TOPIC, ports: this.ports });
    if (pathname === '/api/lines') {
      const lines = this.log.lines(searchParams);
      return lines ? reply(response, 200, lines) : reply(response, 404, { title: 'Not found', status: 404 });
    }
    return this.#static(pathname, response);
  }

  async #console(request, response) {
    const url = new URL(request.url, this.console);
    if (url.pathname.includes('/dead-letters') && url.pathname.startsWith('/api/v1/')) {
      const { status, body } = this.dead.answer(request.method, url, request.method === 'POST' ? await readForm(request) : null);
      return reply(response, status, body, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
    }
    if (url.pathname.startsWith('/api/v1/')) {
      const { status, body } = this.topics.answer(url, this.log.logId, this.ports);
      return reply(response, status, body, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
    }
    if (url.pathname === '/' || url.pathname.startsWith('/ui')) {
      const { body, headers } = index('console', []);
      return reply(response, 200, body, headers);
    }
    return this.#static(url.pathname, response);
  }

  #static(pathname, response) {
    const found = asset(pathname);
    return found ? reply(response, 200, found.body, found.headers) : reply(response, 404, { title: 'Not found', status: 404 });
  }

  async #service(request, response, answer) {
    const cors = { ...CORS, 'access-control-allow-origin': request.headers.origin ?? '*' };
    if (request.method === 'OPTIONS') return reply(response, 204, '', cors);
    const url = new URL(request.url, 'http://localhost');
    const trace = request.headers.traceparent?.split('-')[1] ?? randomUUID().replaceAll('-', '');
    const bearer = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    const { status, type, body, headers } = await answer(url.pathname, await readForm(request), trace, bearer, url);
    return reply(response, status, body, { 'content-type': type, ...cors, ...headers });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = (name, otherwise) => Number(process.env[name] || otherwise);
  const server = await new FakeServer().start({ logs: port('LOGS_PORT', 3000), users: port('USERS_PORT', 3001), payments: port('PAYMENTS_PORT', 3002), console: port('CONSOLE_PORT', 8080) });
  console.log(`live ${server.live}  console ${server.console}`);
  if (process.argv.includes('--busy')) setInterval(() => { for (let i = 0; i < 20; i += 1) server.log.write('payments-service', `Payment ${randomUUID()} confirmed`, { fields: { sku: 'coffee-mug', quantity: 1 } }); }, 100);
}
