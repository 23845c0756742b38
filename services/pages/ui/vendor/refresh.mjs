// Vendored libraries: `node refresh.mjs` fetches what packages.json names with `npm pack` and writes
// vendor.lock; `node refresh.mjs --check` only re-hashes the files that are here (no network).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const lockFile = join(here, 'vendor.lock');
const wanted = JSON.parse(readFileSync(join(here, 'packages.json'), 'utf8'));
const OWN = new Set(['packages.json', 'refresh.mjs', 'vendor.lock']);

const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** One line per file: `name version file sha256`. */
function lockText() {
  const lines = Object.entries(wanted).flatMap(([spec, files]) => {
    const at = spec.lastIndexOf('@');
    return Object.keys(files).map(
      (file) => `${spec.slice(0, at)} ${spec.slice(at + 1)} ${file} ${sha256(join(here, spec, file))}`,
    );
  });
  return `${lines.join('\n')}\n`;
}

/** Files in the folder that no package declares: they would be served without a hash. */
function strays() {
  const declared = new Set(Object.entries(wanted).flatMap(([spec, files]) => Object.keys(files).map((f) => join(spec, f))));
  return readdirSync(here, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((file) => !OWN.has(file) && !declared.has(file));
}

function refresh() {
  const work = mkdtempSync(join(tmpdir(), 'vendor-'));
  try {
    for (const [spec, files] of Object.entries(wanted)) {
      const tarball = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', work, spec], { encoding: 'utf8' }).trim();
      execFileSync('tar', ['xzf', join(work, tarball), '-C', work]);
      const target = join(here, spec);
      rmSync(target, { recursive: true, force: true });
      mkdirSync(target, { recursive: true });
      for (const [file, source] of Object.entries(files)) cpSync(join(work, 'package', source), join(target, file));
      rmSync(join(work, 'package'), { recursive: true });
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  writeFileSync(lockFile, lockText());
}

if (!process.argv.includes('--check')) refresh();
const problems = strays().map((file) => `${file} belongs to no package of packages.json`);
if (!existsSync(lockFile)) problems.push('vendor.lock is missing');
else if (readFileSync(lockFile, 'utf8') !== lockText()) problems.push('vendor.lock and the files differ');
for (const problem of problems) console.error(problem);
if (problems.length) process.exit(1);
console.log(lockText().trimEnd());
