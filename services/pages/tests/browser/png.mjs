// A screenshot with 256 colours weighs a third, and on a page of text nobody sees it.
import { deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = 8;
const COLOURS = 256;
/** Squared; shades closer than this count as one, or the greys of text would take all places. */
const APART = 200;
const BYTES = 3; // a pixel, as Chromium writes it: 8-bit RGB

const TABLE = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** @param {Buffer} bytes */
const crc = (bytes) => (bytes.reduce((c, byte) => TABLE[(c ^ byte) & 255] ^ (c >>> 8), -1) ^ -1) >>> 0;

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc(named));
  return Buffer.concat([length, named, sum]);
}

/** @param {Buffer} png */
function chunks(png) {
  const found = [];
  for (let at = SIGNATURE; at < png.length;) {
    const length = png.readUInt32BE(at);
    found.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return found;
}

/** Undoes the filters of the rows, in place. @param {Buffer} raw @param {number} stride bytes of a row without its filter's */
function pixels(raw, stride) {
  const rows = [];
  let above = Buffer.alloc(stride);
  for (let at = 0; at < raw.length; at += stride + 1) {
    const row = raw.subarray(at + 1, at + 1 + stride);
    for (let i = 0; i < stride; i += 1) {
      const [left, up, corner] = [row[i - BYTES] ?? 0, above[i], above[i - BYTES] ?? 0];
      const guess = left + up - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      row[i] += [0, left, up, (left + up) >> 1, paeth][raw[at]];
    }
    rows.push(row);
    above = row;
  }
  return Buffer.concat(rows);
}

/** @param {number} one @param {number} other */
function distance(one, other) {
  const [r, g, b] = [16, 8, 0].map((shift) => ((one >> shift) & 255) - ((other >> shift) & 255));
  return r * r + g * g + b * b;
}

/** The same picture in its 256 most frequent colours that differ, others by the nearest of them. @param {Buffer} png 8-bit RGB */
export function smaller(png) {
  const all = chunks(png);
  const header = Buffer.from(all[0].data);
  if (header[8] !== 8 || header[9] !== 2) throw new Error('not an 8-bit RGB picture');
  const width = header.readUInt32BE(0);
  const rgb = pixels(inflateSync(Buffer.concat(all.filter(({ type }) => type === 'IDAT').map(({ data }) => data))), width * BYTES);
  const colours = Array.from({ length: rgb.length / BYTES }, (_, i) => rgb.readUIntBE(i * BYTES, BYTES));
  const counts = new Map();
  for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const palette = [];
  for (const [colour] of [...counts].sort((a, b) => b[1] - a[1])) {
    if (palette.length < COLOURS && palette.every((known) => distance(colour, known) >= APART)) palette.push(colour);
  }
  const index = new Map([...counts.keys()].map((colour) => [colour, palette.reduce((best, known, i) => (distance(colour, known) < distance(colour, palette[best]) ? i : best), 0)]));
  const rows = [];
  for (let at = 0; at < colours.length; at += width) rows.push(0, ...colours.slice(at, at + width).map((colour) => index.get(colour)));
  header[9] = 3;
  const table = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([png.subarray(0, SIGNATURE), chunk('IHDR', header), chunk('PLTE', table), chunk('IDAT', deflateSync(Buffer.from(rows), { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}
