// Carries one request to the gateway and all that comes back to the client: JSON or an event stream, however often the
// way there breaks. What belongs to one era alone is given by who calls.
import { mayRepeat, retryAfterMs } from './patience.js';
import { readEvents } from './sse.js';
import { Unreachable, discard, readText } from './target.js';

export const errorCode = -32000;

// A request that cannot be answered: what its client is told.
export class Refused extends Error {}

const kindOf = (headers) => (headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
const oneLine = (text) => text.replace(/[\r\n]+/g, ' ');

const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export class Carrier {
  constructor({ target, client, patience, remark }) {
    this.target = target;
    this.client = client; // write(text): a line to the client; resolves when there is room for more
    this.patience = patience;
    this.remark = remark; // remark(text): on standard error
  }

  // One try after another until `exchange()` has an answer. `method`: what may be repeated depends on it.
  async insist(method, signal, exchange) {
    const state = this.patience.begin();
    for (;;) {
      let why;
      let leastMs = 0;
      try {
        const reply = await exchange();
        const isTooSoon = reply.status === 503 || (mayRepeat(method) && [502, 504].includes(reply.status));
        if (!isTooSoon || kindOf(reply.headers) === 'application/json') {
          this.remark.reached();
          return reply;
        }
        discard(reply.stream);
        why = `it answers ${reply.status}`;
        leastMs = retryAfterMs(reply.headers);
      } catch (failure) {
        if (!(failure instanceof Unreachable)) throw failure;
        if (failure.wasSent && !mayRepeat(method)) {
          throw new Refused(`${this.target.name}: ${failure.message} during the call; whether it was carried out is not known`);
        }
        why = failure.message;
      }
      this.remark.unreachable(why);
      if (!(await this.patience.wait(state, signal, leastMs))) throw new Refused(`${this.target.name} cannot be used: ${why}`);
    }
  }

  // Writes what came, and looks at it: `seen(message)` for each; a false answer keeps it from the client.
  async #pass(text, seen) {
    const parsed = parse(text);
    if (parsed === null || typeof parsed !== 'object') throw new Refused(`${this.target.name} sent something that is no message`);
    if (!Array.isArray(parsed)) {
      if (seen(parsed) !== false) await this.client.write(oneLine(text));
      return;
    }
    for (const message of parsed.filter((one) => one !== null && typeof one === 'object')) if (seen(message) !== false) await this.client.write(JSON.stringify(message));
  }

  // Reads an event stream to its end. Resolves with { lastId, retryMs, isBroken } of it.
  async follow(stream, seen) {
    const state = { lastId: undefined, retryMs: undefined, isBroken: false };
    try {
      for await (const { id, data, retryMs } of readEvents(stream)) {
        if (id !== undefined) state.lastId = id;
        if (retryMs !== undefined) state.retryMs = retryMs;
        if (data.trim() !== '') await this.#pass(data, seen);
      }
    } catch (failure) {
      if (failure instanceof Refused) throw failure;
      state.isBroken = true;
    }
    return state;
  }

  // What a reply to a request holds, passed on. Resolves with undefined when it was answered, or with the state of an
  // event stream that ended before.
  async receive(reply, id, seen = () => true) {
    let isAnswered = false;
    const look = (message) => {
      if (message.method === undefined && message.id === id) isAnswered = true;
      return seen(message);
    };
    const kind = kindOf(reply.headers);
    if (reply.status === 200 && kind === 'text/event-stream') {
      const state = await this.follow(reply.stream, look);
      return isAnswered ? undefined : state;
    }
    const text = await readText(reply.stream);
    if (kind === 'application/json') {
      const body = parse(text);
      // A refusal before the request was read has no id, or null: it is this request's all the same.
      const isRefusal = body?.error !== undefined && body.id !== id;
      if (isRefusal) await this.client.write(JSON.stringify({ ...body, jsonrpc: '2.0', id }));
      else if (reply.status === 200 || body?.id === id) await this.#pass(text, look);
      if (isRefusal || isAnswered) {
        if (reply.status === 401) this.remark.say(`${this.target.name} does not take this token (401)`);
        return undefined;
      }
    }
    throw new Refused(this.explain(reply));
  }

  // Why a reply is not one that MCP knows, without a word of its body: a proxy's page may repeat the URL.
  explain({ status, headers }) {
    const { name } = this.target;
    if (status === 401) return `${name} does not take this token (401): it was revoked, has expired, or is of another server`;
    if (status === 403) return `${name} does not allow this (403)`;
    if (status === 404) return `${name} has nothing at this URL (404)`;
    if (status === 429) return `${name} has had too many requests (429)`;
    if (status >= 300 && status < 400) return `${name} sends elsewhere (${status}), which is not followed; is the URL right?`;
    if (status === 200) return `${name} answers with ${kindOf(headers) || 'no content type'}, which is not MCP; is the URL right?`;
    return `${name} answers ${status}`;
  }

  async refuse(id, message, data) {
    await this.client.write(
      JSON.stringify({ jsonrpc: '2.0', id, error: { code: errorCode, message: this.target.redact(message), ...(data && { data }) } }),
    );
  }
}
