// MCP and HTTP by hand, where a test must say exactly what goes over the wire.
import { connect } from 'node:net';
import { once } from 'node:events';

export const modernRevision = '2026-07-28';
export const legacyRevision = '2025-11-25';

const prefix = 'io.modelcontextprotocol/';

// A request of a legacy revision: { message, headers }.
export function legacy(method, params, { id = 1, revision = legacyRevision } = {}) {
  return {
    message: { jsonrpc: '2.0', id, method, ...(params && { params }) },
    headers: { 'MCP-Protocol-Version': revision },
  };
}

// A request of the modern revision, with all that its headers and _meta must say.
export function modern(method, params = {}, { id = 1, revision = modernRevision, meta = {} } = {}) {
  const name = params.name ?? params.uri ?? params.taskId;
  return {
    message: {
      jsonrpc: '2.0',
      id,
      method,
      params: {
        ...params,
        _meta: {
          [`${prefix}protocolVersion`]: revision,
          [`${prefix}clientCapabilities`]: {},
          [`${prefix}clientInfo`]: { name: 'connek-tests', version: '1' },
          ...meta,
        },
      },
    },
    headers: { 'MCP-Protocol-Version': revision, 'Mcp-Method': method, ...(name && { 'Mcp-Name': name }) },
  };
}

// Posts a message (an object, or text as it is). { status, headers, text, body }: `body` is the JSON, or undefined.
export async function post(url, message, headers = {}, options = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers },
    body: typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message),
    ...options,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: readBody(text, response.headers) };
}

function readBody(text, headers) {
  const type = headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream')) {
    const events = text.split('\n').filter((line) => line.startsWith('data:') && line.length > 6);
    return events.length > 0 ? JSON.parse(events.at(-1).slice(5)) : undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const send = (url, { message, headers }, extra = {}) => post(url, message, { ...headers, ...extra });

// tools/call in either era; `era` is `legacy` or `modern` above.
export const callTool = (url, name, args = {}, era = legacy, extra = {}) =>
  send(url, era('tools/call', { name, arguments: args }), extra);

// A TCP connection on which a test says what it wants, byte for byte.
export class RawConnection {
  static async open(base) {
    const { hostname, port } = new URL(base);
    const raw = new RawConnection();
    raw.socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
    raw.received = Buffer.alloc(0);
    raw.isClosed = false;
    raw.waiting = new Set();
    const wake = () => raw.waiting.forEach((resume) => resume());
    raw.socket.on('data', (bytes) => {
      raw.received = Buffer.concat([raw.received, bytes]);
      wake();
    });
    const closed = () => {
      raw.isClosed = true;
      wake();
    };
    raw.socket.on('end', closed).on('close', closed).on('error', closed);
    await once(raw.socket, 'connect');
    return raw;
  }

  // A string's characters are bytes (latin1), so that a test can write any.
  write(bytes) {
    return new Promise((resume) => this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, resume));
  }

  get text() {
    return this.received.toString('latin1');
  }

  // Until `isDone(text)`, or the other side has closed, or time is up. Resolves with the text received so far.
  async until(isDone, timeoutMs = 30_000) {
    const deadline = Date.now() + timeoutMs;
    while (!isDone(this.text) && !this.isClosed && Date.now() < deadline) {
      await new Promise((resume) => {
        const timer = setTimeout(done, Math.max(1, deadline - Date.now()));
        const waiting = this.waiting;
        function done() {
          clearTimeout(timer);
          waiting.delete(done);
          resume();
        }
        waiting.add(done);
      });
    }
    return this.text;
  }

  // Until the other side has closed.
  end(timeoutMs) {
    return this.until(() => false, timeoutMs);
  }

  close() {
    this.socket.destroy();
  }
}

// Sends bytes on a connection of their own; resolves with { text, status, isClosed } when the peer has closed or, at the
// latest, after `timeoutMs`.
export async function sendRaw(base, bytes, { timeoutMs = 5_000, half = false } = {}) {
  const raw = await RawConnection.open(base);
  await raw.write(bytes);
  if (half) raw.socket.end();
  const text = await raw.end(timeoutMs);
  const { isClosed } = raw;
  raw.close();
  return { text, status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0), isClosed };
}
