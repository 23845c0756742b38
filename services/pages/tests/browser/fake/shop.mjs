// Users, payments and stock in memory: the answers of the real services as far as the pages use them.
import { randomUUID } from 'node:crypto';

const problem = (status, title, detail, hint) => ({ status, type: 'application/problem+json', body: { type: 'about:blank', title, status, detail, hint } });
const ok = (status, body, headers) => ({ status, type: 'application/json', body, headers });

export class Shop {
  users = new Map();
  tokens = new Map();
  payments = new Map();
  stock = new Map([['coffee-mug', 1_000_000], ['signed-print', 3]]);

  /** @param {import('./topics.mjs').Topics} topics @param {import('./stream.mjs').FakeLog} log */
  constructor(topics, log) {
    this.topics = topics;
    this.log = log;
  }

  /** One event to `notifications`, and the line that the worker makes of it. */
  event(type, service, subject, trace, message, data, level = 2) {
    const event = { specversion: '1.0', id: randomUUID(), type: `comptoir.${type}.v1`, source: service, subject, time: new Date().toISOString(), datacontenttype: 'application/json', traceparent: `00-${trace}-00f067aa0ba902b7-01`, correlationid: randomUUID(), data };
    this.topics.produce('notifications', subject, event);
    setTimeout(() => {
      const row = this.log.write(service, message, { level, trace, fields: { event_type: event.type, ...data } });
      this.topics.produce('logs', subject, { ...event, id: row[7].id, type: 'comptoir.log.written.v1', causationid: event.id, data: { level: ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'][level], service, message } }, row[0]);
    }, 15);
  }

  /** @param {string} path @param {Record<string, string>} form @param {string} trace */
  route(path, form, trace) {
    const { username = '', password = '' } = form;
    const known = this.users.get(username.toLowerCase());
    if (path === '/register') {
      if (!/^[\p{L}\p{N}._@+-]{1,64}$/u.test(username)) return problem(422, 'Invalid fields', 'username: only letters, digits and . _ - @ +', 'choose another name');
      if (password.length < 6) return problem(422, 'Invalid fields', 'password: at least 6 bytes', 'choose a longer password');
      if (known) return problem(409, 'Username taken', `${username} exists`, 'log in, or choose another name');
      const id = randomUUID();
      this.users.set(username.toLowerCase(), { id, username, password });
      this.event('user.registered', 'users-service', id, trace, `User ${username} registered successfully`, { username });
      return ok(201, { id, username });
    }
    if (path === '/login') {
      if (known?.password !== password) return problem(401, 'Login refused', 'Unknown user or wrong password', 'check both');
      const token = `fake.${randomUUID()}`;
      this.tokens.set(token, known);
      this.event('user.logged_in', 'users-service', known.id, trace, `User ${known.username} logged in`, { username: known.username });
      return ok(200, { token, token_type: 'Bearer', expires_in: 3600 });
    }
    return problem(404, 'Not found', path, 'POST /register or POST /login');
  }

  /** @param {Record<string, string>} form @param {string} trace @param {string} bearer */
  pay(form, trace, bearer) {
    if (bearer && !this.tokens.has(bearer)) return problem(401, 'Token refused', 'unknown token', 'log in again');
    const sku = form.sku || 'coffee-mug';
    const quantity = Number(form.quantity || 1);
    const id = randomUUID();
    const payment = { id, status: 'pending', sku, quantity, amount: 1999 * quantity, currency: 'EUR' };
    this.payments.set(id, { payment, waiting: [] });
    this.event('payment.requested', 'payments-service', id, trace, `Payment ${id} requested`, { sku, quantity });
    this.topics.produce('inventories', id, { specversion: '1.0', id: randomUUID(), type: 'comptoir.payment.requested.v1', source: 'payments-service', subject: id, data: { sku, quantity } });
    setTimeout(() => this.#settle(id, trace), 120 + Math.random() * 120);
    return ok(202, { ...payment }, { location: `/payments/${id}` });
  }

  #settle(id, trace) {
    const entry = this.payments.get(id);
    const { payment } = entry;
    const available = this.stock.get(payment.sku);
    if (available >= payment.quantity) {
      this.stock.set(payment.sku, available - payment.quantity);
      payment.status = 'confirmed';
      this.event('stock.reserved', 'inventories-service', id, trace, `Stock reserved for payment ${id}`, { sku: payment.sku, quantity: payment.quantity });
      this.event('payment.confirmed', 'payments-service', id, trace, `Payment ${id} confirmed`, { sku: payment.sku, amount: payment.amount });
    } else {
      payment.status = 'rejected';
      payment.reason = available === undefined ? 'unknown_sku' : 'out_of_stock';
      this.event('stock.rejected', 'inventories-service', id, trace, `Stock rejected for payment ${id}: ${payment.reason}`, { sku: payment.sku }, 3);
      this.event('payment.rejected', 'payments-service', id, trace, `Payment ${id} rejected: ${payment.reason}`, { sku: payment.sku }, 3);
    }
    for (const wake of entry.waiting) wake();
  }

  /** @param {string} id @param {number} seconds */
  async payment(id, seconds) {
    const entry = this.payments.get(id);
    if (!entry) return problem(404, 'No such payment', id, 'check the id');
    if (entry.payment.status === 'pending' && seconds > 0) {
      await new Promise((resolve) => { entry.waiting.push(resolve); setTimeout(resolve, seconds * 1000).unref(); });
    }
    return ok(200, { ...entry.payment });
  }
}
