// Streams of server-sent events, read by hand: what no client library shows of them.
import assert from 'node:assert/strict';
import { post } from './mcp.js';

// Initializes. { session: its headers, capabilities: the server's }
export async function begin(url, capabilities = {}) {
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'probe', version: '1' } };
  const { headers, body } = await post(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  const session = { 'Mcp-Session-Id': headers.get('mcp-session-id'), 'MCP-Protocol-Version': '2025-11-25' };
  assert.ok(session['Mcp-Session-Id']);
  return { session, capabilities: body.result.capabilities };
}

// Reads events one by one: { id, data } with `data` parsed, or '' as it is.
export class Events {
  #text = '';
  static async open(url, options) {
    const events = new Events();
    events.abort = new AbortController();
    events.response = await fetch(url, { signal: events.abort.signal, ...options });
    events.reader = events.response.body?.pipeThrough(new TextDecoderStream()).getReader();
    return events;
  }

  // The next event, or undefined at the end.
  async next() {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const lines = this.#text.slice(0, end).split('\n');
        this.#text = this.#text.slice(end + 2);
        const field = (name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
        if (!lines.some((line) => line.startsWith('data:'))) continue;
        const data = field('data').join('\n');
        return { id: field('id')[0], data: data ? JSON.parse(data) : '' };
      }
      const { value, done } = await this.reader.read();
      if (done) return undefined;
      this.#text += value;
    }
  }

  async nextMessage() {
    for (;;) {
      const event = await this.next();
      if (!event || event.data) return event;
    }
  }

  close() {
    this.abort.abort();
  }
}

// The stream of a session.
export const get = (url, session, extra = {}) =>
  Events.open(url, { headers: { Accept: 'text/event-stream', ...session, ...extra } });
// The stream that answers a message, as legacy() and modern() make them.
export const postStream = (url, { message, headers }, session = {}) =>
  Events.open(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers, ...session },
    body: JSON.stringify(message),
  });
