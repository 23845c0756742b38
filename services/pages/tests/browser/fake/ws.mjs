// Just enough of RFC 6455 for the fake server: handshake, text frames, close.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** @param {number} opcode @param {Buffer} payload */
function frame(opcode, payload) {
  const { length } = payload;
  const head = length < 126 ? Buffer.from([0x80 | opcode, length]) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  if (length >= 126) {
    head[0] = 0x80 | opcode;
    head[1] = length < 65_536 ? 126 : 127;
    if (length < 65_536) head.writeUInt16BE(length, 2);
    else head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** One accepted socket. */
export class Socket {
  open = true;
  /** @type {(text: string) => void} */
  onText = () => {};
  onClose = () => {};
  #held = Buffer.alloc(0);

  /** @param {import('node:net').Socket} raw */
  constructor(raw) {
    this.raw = raw;
    raw.on('data', (chunk) => this.#read(chunk));
    raw.on('close', () => this.#ended());
    raw.on('error', () => this.#ended());
  }

  send(text) { if (this.open) this.raw.write(frame(1, Buffer.from(text))); }

  /** @param {number} code @param {string} reason */
  close(code, reason = '') {
    if (!this.open) return;
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code, 0);
    payload.write(reason, 2);
    this.raw.end(frame(8, payload));
    this.#ended();
  }

  /** As a crash does it: no close frame, and `half` the bytes of a frame before. @param {string} [half] */
  break(half) {
    if (half) {
      const bytes = frame(1, Buffer.from(half));
      this.raw.write(bytes.subarray(0, bytes.length >> 1), () => this.raw.destroy());
    } else this.raw.destroy();
    this.#ended();
  }

  #ended() {
    if (!this.open) return;
    this.open = false;
    this.onClose();
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    this.#held = Buffer.concat([this.#held, chunk]);
    for (;;) {
      const buffer = this.#held;
      if (buffer.length < 6) return;
      let length = buffer[1] & 0x7f;
      let at = 2;
      if (length === 126) { length = buffer.readUInt16BE(2); at = 4; }
      if (buffer.length < at + 4 + length) return;
      const mask = buffer.subarray(at, at + 4);
      const payload = Buffer.from(buffer.subarray(at + 4, at + 4 + length)).map((byte, i) => byte ^ mask[i & 3]);
      this.#held = buffer.subarray(at + 4 + length);
      const opcode = buffer[0] & 0x0f;
      if (opcode === 1) this.onText(Buffer.from(payload).toString());
      else if (opcode === 8) this.close(1000);
    }
  }
}

/** @param {import('node:http').IncomingMessage} request @param {import('node:net').Socket} raw */
export function accept(request, raw) {
  const key = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
  const protocol = request.headers['sec-websocket-protocol'] === 'stream.v1' ? 'Sec-WebSocket-Protocol: stream.v1\r\n' : '';
  raw.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n${protocol}\r\n`);
  raw.setNoDelay(true);
  return new Socket(raw);
}
