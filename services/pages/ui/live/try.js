// Try it: buttons that make real requests from this page to the services, and what they answered.
import { signal, useSignal } from '@preact/signals';
import { CopyButton, count, html, prettyJson } from '../shared/ui.js';

/** Long enough to see a burst and what came before it. */
const KEPT = 12;
const BURST = 20;
const WAIT_SECONDS = 10;
/** A payment expires after 120 s at the latest; then there is nothing left to wait for. */
const GIVE_UP_AFTER = 150_000;
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';

const random = (/** @type {number} */ length) => crypto.getRandomValues(new Uint8Array(length));
const hex = (/** @type {number} */ length) => Array.from(random(length), (byte) => byte.toString(16).padStart(2, '0')).join('');
const freshName = () => `ada-${Array.from(random(4), (byte) => LETTERS[byte % LETTERS.length]).join('')}`;

const name = signal(freshName());
const password = signal('correct horse');
const sku = signal('coffee-mug');
const quantity = signal(1);
/** In memory only: a reload signs out. */
const token = signal(/** @type {{ value: string, user: string } | null} */ (null));
/** Name registered here that nobody has edited since: a second click takes a fresh one. */
let used = '';

/**
 * @typedef {object} Answer
 * @property {number} id
 * @property {string} what
 * @property {string} curl
 * @property {string} trace
 * @property {number} status 0 while under way, -1 if there was no answer
 * @property {number} ms
 * @property {string} body
 * @property {string} [outcome] a payment's status as far as it is known
 */
const answers = signal(/** @type {Answer[]} */ ([]));
const heard = signal('');
let nextId = 1;

/** @param {Answer} answer @param {Partial<Answer>} change */
function update(answer, change) {
  Object.assign(answer, change);
  answers.value = answers.value.map((known) => (known.id === answer.id ? { ...answer } : known));
}

const quote = (/** @type {string} */ text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The request as a command; the token stays out of it. */
function asCurl(/** @type {string} */ method, /** @type {string} */ url, /** @type {Record<string, string>} */ headers, /** @type {string} */ body) {
  const parts = ['curl'];
  if (method !== 'GET') parts.push('-X', method);
  for (const [header, value] of Object.entries(headers)) {
    if (header === 'authorization') parts.push('-H', '"authorization: Bearer $TOKEN"');
    else if (header !== 'content-type') parts.push('-H', quote(`${header}: ${value}`));
  }
  if (body) parts.push('-d', quote(body));
  return [...parts, quote(url)].join(' ');
}

/** @param {string} text */
function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

/**
 * One request, shown among the answers unless it is quiet.
 * @param {string} what @param {string} url @param {Record<string, string | number>} form @param {{ signed?: boolean, quiet?: boolean }} [how]
 */
async function post(what, url, form, { signed = false, quiet = false } = {}) {
  const trace = hex(16);
  const body = new URLSearchParams(Object.entries(form).map(([key, value]) => [key, String(value)])).toString();
  /** @type {Record<string, string>} */
  const headers = { 'content-type': 'application/x-www-form-urlencoded', traceparent: `00-${trace}-${hex(8)}-01` };
  if (signed && token.value) headers.authorization = `Bearer ${token.value.value}`;
  /** @type {Answer} */
  const answer = { id: nextId++, what, curl: asCurl('POST', url, headers, body), trace, status: 0, ms: 0, body: '' };
  if (!quiet) answers.value = [answer, ...answers.value].slice(0, KEPT);
  const began = performance.now();
  try {
    const reply = await fetch(url, { method: 'POST', headers, body, referrerPolicy: 'no-referrer' });
    const text = await reply.text();
    update(answer, { status: reply.status, ms: performance.now() - began, body: text });
    if (reply.status === 401 && headers.authorization) token.value = null; // expired, or the server is another one
  } catch {
    update(answer, { status: -1, ms: performance.now() - began, body: `No answer from ${new URL(url).origin}` });
  }
  if (!quiet) heard.value = `${what}: ${answer.status > 0 ? answer.status : 'no answer'}`;
  return answer;
}

/** Asks for a payment until it is settled; the service holds each question open. */
async function settled(/** @type {string} */ url) {
  const until = performance.now() + GIVE_UP_AFTER;
  while (performance.now() < until) {
    try {
      const reply = await fetch(`${url}?wait=${WAIT_SECONDS}`, { headers: token.value ? { authorization: `Bearer ${token.value.value}` } : {} });
      if (!reply.ok) return null;
      const payment = await reply.json();
      if (payment.status !== 'pending') return payment;
    } catch {
      await new Promise((resolve) => { setTimeout(resolve, 1000); }); // the service restarts; the payment is safe
    }
  }
  return null;
}

/** @param {any} page */
function actions(page) {
  const users = (/** @type {string} */ path) => page.url('users', path);
  const payments = (/** @type {string} */ path) => page.url('payments', path);

  async function register() {
    if (name.value === used) name.value = freshName();
    const answer = await post('Register', users('/register'), { username: name.value, password: password.value });
    if (answer.status === 201) used = name.value;
  }
  async function logIn() {
    const user = name.value;
    const answer = await post('Log in', users('/login'), { username: user, password: password.value });
    const value = parsed(answer.body)?.token;
    if (answer.status !== 200 || !value) return;
    token.value = { value, user };
    update(answer, { body: JSON.stringify({ ...parsed(answer.body), token: '$TOKEN' }) });
  }
  async function pay(/** @type {string} */ what, /** @type {Record<string, string | number>} */ form) {
    const answer = await post(what, payments('/pay'), form, { signed: true });
    const id = parsed(answer.body)?.id;
    if (answer.status !== 202 || !id) return;
    update(answer, { outcome: 'pending' });
    const payment = await settled(payments(`/payments/${id}`));
    const outcome = payment ? `${payment.status}${payment.reason ? ` (${payment.reason})` : ''}` : 'unknown';
    update(answer, { outcome, ...(payment && { body: JSON.stringify(payment) }) });
    heard.value = `${what}: ${outcome}`;
  }
  async function burst() {
    const form = { sku: sku.value, quantity: quantity.value };
    /** @type {Answer} */
    const all = { id: nextId++, what: `Pay ×${BURST}`, curl: asCurl('POST', payments('/pay'), {}, new URLSearchParams(Object.entries(form).map(([key, value]) => [key, String(value)])).toString()), trace: '', status: 0, ms: 0, body: '' };
    answers.value = [all, ...answers.value].slice(0, KEPT);
    const began = performance.now();
    const replies = await Promise.all(Array.from({ length: BURST }, () => post('', payments('/pay'), form, { signed: true, quiet: true })));
    const taken = replies.filter((reply) => reply.status === 202);
    const refused = replies.find((reply) => reply.status !== 202);
    update(all, { status: refused ? refused.status : 202, ms: performance.now() - began, outcome: `${taken.length} pending`, body: refused?.body ?? '' });
    const results = await Promise.all(taken.map((reply) => settled(payments(`/payments/${parsed(reply.body)?.id}`))));
    const tally = new Map();
    for (const payment of results) {
      const status = payment?.status ?? 'unknown';
      tally.set(status, (tally.get(status) ?? 0) + 1);
    }
    update(all, { outcome: [...tally].map(([status, n]) => `${n} ${status}`).join(', ') });
    heard.value = `${all.what}: ${all.outcome}`;
  }
  return {
    register, logIn, burst,
    pay: () => pay('Pay', { sku: sku.value, quantity: quantity.value }),
    soldOut: () => pay('Out of stock', { sku: 'signed-print', quantity: 4 }),
    wrongPassword: () => post('Wrong password', users('/login'), { username: name.value, password: `not ${password.value}` }),
  };
}

const tone = (/** @type {Answer} */ { status, outcome }) => {
  if (status === 0 || outcome?.includes('pending')) return 'dim';
  if (outcome && /rejected|expired|unknown/.test(outcome)) return 'warned';
  return status >= 200 && status < 300 ? 'good' : 'bad';
};

function AnswerCard({ answer, page }) {
  const { status, ms, outcome, body } = answer;
  return html`<li class="answer" data-test="answer">
    <div class="answer-head">
      <b>${answer.what}</b>
      <span class=${tone(answer)} data-test="outcome">${status === 0 ? '…' : status < 0 ? 'no answer' : status}${outcome ? ` · ${outcome}` : ''}</span>
      <span class="grow"></span>
      ${status !== 0 && html`<span class="dim num">${count(Math.round(ms))} ms</span>`}
    </div>
    ${body && html`<pre>${prettyJson(body) ?? body}</pre>`}
    <div class="answer-foot">
      <${CopyButton} quiet label="Copy as curl" text=${answer.curl} />
      ${answer.trace && html`<button class="link" type="button" onClick=${() => { page.filterBy(`trace:${answer.trace.slice(0, 16)}`, true); page.tab.value = 'log'; }}>Its lines</button>`}
    </div>
  </li>`;
}

/** @param {{ page: any }} props */
export function Try({ page }) {
  const busy = useSignal('');
  const act = actions(page);
  const run = (/** @type {string} */ id, /** @type {() => Promise<any>} */ action) => async () => {
    busy.value = id;
    try { await action(); } finally { if (busy.value === id) busy.value = ''; }
  };
  const edit = (/** @type {any} */ target, read = (/** @type {any} */ input) => input.value) => (/** @type {any} */ event) => { target.value = read(event.target); };
  return html`
    <form class="card" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <h2>Users</h2>
      <label>Name <input class="field" value=${name.value} onInput=${edit(name)} autocomplete="off" spellcheck="false" maxlength="64" data-test="name" /></label>
      <label>Password <input class="field" value=${password.value} onInput=${edit(password)} autocomplete="off" spellcheck="false" data-test="password" /></label>
      <div class="pair">
        <button class="button primary" type="button" onClick=${run('register', act.register)} data-test="register">Register</button>
        <button class="button" type="button" onClick=${run('login', act.logIn)} data-test="login">Log in</button>
      </div>
      <p class="dim" data-test="session">${token.value ? html`Signed in as <b>${token.value.user}</b> · <button class="link" type="button" onClick=${() => { token.value = null; }}>Forget</button>` : 'Not signed in. Paying works without.'}</p>
    </form>
    <form class="card" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <h2>Payments</h2>
      <div class="pair wide">
        <label>Article <select class="field" value=${sku.value} onChange=${edit(sku)} data-test="sku">
          <option value="coffee-mug">coffee-mug</option>
          <option value="signed-print">signed-print (only 3)</option>
          <option value="moon-rock">moon-rock (unknown)</option>
        </select></label>
        <label>Quantity <input class="field num" type="number" min="1" max="1000" value=${quantity.value} onInput=${edit(quantity, (input) => Math.min(1000, Math.max(1, Math.trunc(input.valueAsNumber) || 1)))} data-test="quantity" /></label>
      </div>
      <div class="pair">
        <button class="button primary" type="button" onClick=${run('pay', act.pay)} data-test="pay">Pay</button>
        <button class="button" type="button" onClick=${run('burst', act.burst)} data-test="burst">Pay ×${BURST}</button>
      </div>
    </form>
    <div class="card">
      <h2>Make it fail</h2>
      <div class="pair">
        <button class="button" type="button" onClick=${run('wrong', act.wrongPassword)} data-test="wrong-password">Wrong password</button>
        <button class="button" type="button" onClick=${run('soldout', act.soldOut)} data-test="sold-out">Out of stock</button>
      </div>
    </div>
    <section class="answers" aria-label="Answers" aria-busy=${busy.value ? 'true' : 'false'}>
      <h2>Answers</h2>
      ${answers.value.length === 0 && html`<p class="dim">Requests go from this page straight to the services. What they cause shows up in the log.</p>`}
      <ol>${answers.value.map((answer) => html`<${AnswerCard} key=${answer.id} answer=${answer} page=${page} />`)}</ol>
      <div class="visually-hidden" role="status">${heard.value}</div>
    </section>`;
}
