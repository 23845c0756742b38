// The real program as a child: on free ports and a data folder of its own, killed and started again at will.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './harness.mjs';

const named = process.env.COMPTOIR_BIN;
const binary = resolve(named || join(dirname(fileURLToPath(import.meta.url)), '../../../../target/release/comptoir'));
const SERVICES = ['LOGS', 'USERS', 'PAYMENTS', 'INVENTORIES', 'NOTIFICATIONS', 'CONSOLE'];

/** Why tests of the program are left out here; in CI, or if a program is named, they never are. */
export const skip = existsSync(binary) || named || process.env.CI ? false : `${binary} is not built`;

/** Ports nobody listens on now. @param {number} count */
async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((done) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => done(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => { server.close(done); })));
  return ports;
}

export class Program {
  output = '';
  /** @type {import('node:child_process').ChildProcess | null} */
  #child = null;

  /** Chooses ports and a folder; they stay the same over restarts. */
  static async prepare() {
    if (!existsSync(binary)) throw new Error(`There is no program at ${binary}: build it, or name one in COMPTOIR_BIN`);
    const program = new Program();
    const ports = await freePorts(SERVICES.length);
    program.ports = Object.fromEntries(SERVICES.map((name, i) => [name.toLowerCase(), ports[i]]));
    program.folder = await mkdtemp(join(tmpdir(), 'comptoir-browser-'));
    return program;
  }

  get live() { return `http://localhost:${this.ports.logs}`; }
  get console() { return `http://localhost:${this.ports.console}`; }
  get payments() { return `http://localhost:${this.ports.payments}`; }
  get users() { return `http://localhost:${this.ports.users}`; }

  async start() {
    const env = { ...process.env, DATA_DIR: this.folder, NO_COLOR: '1' };
    for (const name of SERVICES) env[`${name}_PORT`] = String(this.ports[name.toLowerCase()]);
    const child = spawn(binary, [], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const keep = (chunk) => { this.output = (this.output + chunk).slice(-20_000); };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}:\n${this.output}`);
      const answer = await fetch(`${this.live}/health/ready`).catch(() => null);
      await answer?.body?.cancel();
      return answer?.status === 200;
    }, `the program is ready:\n${this.output}`, 30_000);
  }

  /** @param {'SIGTERM' | 'SIGKILL'} signal @returns {Promise<number | null>} the exit code */
  async stop(signal = 'SIGTERM') {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode) return child?.exitCode ?? null;
    const ended = new Promise((done) => { child.once('exit', done); });
    child.kill(signal);
    return ended;
  }

  async remove() {
    await this.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Pays `count` times; every answer is a 202. @param {number} count */
  async pay(count) {
    for (let i = 0; i < count; i += 1) {
      const answer = await fetch(`${this.payments}/pay`, { method: 'POST' });
      if (answer.status !== 202) throw new Error(`POST /pay: ${answer.status} ${await answer.text()}`);
      await answer.arrayBuffer();
    }
  }

  /** Every `partition:offset` of the log of lines, as the server has it. */
  async positions() {
    const all = [];
    for (let partition = 0; ; partition += 1) {
      let from = 0;
      for (;;) {
        const answer = await fetch(`${this.live}/api/lines?partition=${partition}&from=${from}&limit=1000`);
        if (!answer.ok) return all; // no such partition
        const { next, l } = await answer.json();
        all.push(...l.map(([p, o]) => `${p}:${o}`));
        if (!l.length || l.at(-1)[1] + 1 >= next) break;
        from = l.at(-1)[1] + 1;
      }
    }
  }
}
