// The pages from disk, under the policy that the program sends with them.
import { createHash } from 'node:crypto';
import { readFileSync, existsSync, statSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ui = join(dirname(fileURLToPath(import.meta.url)), '../../../ui');
const TYPES = { '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.html': 'text/html; charset=utf-8' };
const PREFIX = '/assets/dev/';

/** @param {'live' | 'console'} page @param {string[]} connect */
export function index(page, connect) {
  const text = readFileSync(join(ui, page, 'index.html'), 'utf8').replaceAll('{{assets}}', '/assets/dev');
  const hashes = [...text.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([^]*?)<\/script>/g)].map(([, body]) => `'sha256-${createHash('sha256').update(body).digest('base64')}'`);
  const policy = `default-src 'none'; script-src 'self' ${hashes.join(' ')}; style-src 'self'; img-src 'self' data:; connect-src ${["'self'", ...connect].join(' ')}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;
  return { body: text, headers: { 'content-type': TYPES['.html'], 'content-security-policy': policy, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-cache' } };
}

/** @param {string} path */
export function asset(path) {
  if (!path.startsWith(PREFIX)) return null;
  const name = normalize(path.slice(PREFIX.length));
  const sheet = /^(live|console)\/page\.css$/.exec(name);
  if (sheet) return { body: readFileSync(join(ui, 'shared/base.css'), 'utf8') + readFileSync(join(ui, sheet[1], `${sheet[1]}.css`), 'utf8'), headers: { 'content-type': TYPES['.css'] } };
  const file = join(ui, name);
  if (!file.startsWith(ui) || !existsSync(file) || !statSync(file).isFile()) return null;
  return { body: readFileSync(file), headers: { 'content-type': TYPES[extname(file)] ?? 'text/plain', 'x-content-type-options': 'nosniff' } };
}
