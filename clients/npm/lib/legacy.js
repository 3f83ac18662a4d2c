// The legacy era (to 2025-11-25): a session, a stream for what the server says by itself, streams that can be taken up
// again. A session that the gateway no longer knows is made anew, unseen by the client.
import { setTimeout as sleep } from 'node:timers/promises';
import { Refused } from './carrier.js';
import { mayRepeat } from './patience.js';
import { discard, readText } from './target.js';

const resumeMs = 1_000; // where the server does not say
const resumeLeastMs = 50;
const renewalsMax = 3; // for one message
const key = (id) => JSON.stringify(id);

export class Legacy {
  #carrier;
  #session; // Mcp-Session-Id
  #version; // MCP-Protocol-Version
  #initialize; // the client's own request, to make a session anew
  #isInitialized = false;
  #ready = Promise.resolve(); // what later messages wait for
  #generation = 0;
  #stream; // AbortController of the GET stream
  #open = new Map(); // id: AbortController
  #level;
  #subscribed = new Set();
  #renewed = 0;
  #isClosed = false;

  constructor(carrier) {
    this.#carrier = carrier;
  }

  #headers(more = {}) {
    return {
      Accept: 'application/json, text/event-stream',
      ...(this.#session && { 'Mcp-Session-Id': this.#session }),
      ...(this.#version && { 'MCP-Protocol-Version': this.#version }),
      ...more,
    };
  }

  #post(method, text, signal, sent) {
    return this.#carrier.insist(method, signal, () =>
      this.#carrier.target.open({ method: 'POST', headers: this.#headers(), body: text, signal, sent }),
    );
  }

  get isUsed() {
    return this.#initialize !== undefined;
  }

  has(id) {
    return this.#open.has(key(id));
  }

  async request(message, text, sent) {
    const abort = new AbortController();
    this.#open.set(key(message.id), abort);
    const work = message.method === 'initialize' ? this.#begin(message, text, abort.signal, sent) : this.#ask(message, text, abort.signal, sent);
    try {
      await work;
    } catch (failure) {
      if (abort.signal.aborted) return;
      await this.#carrier.refuse(message.id, failure instanceof Refused ? failure.message : 'the bridge failed');
    } finally {
      if (this.#open.get(key(message.id)) === abort) this.#open.delete(key(message.id));
    }
  }

  // Until it has its answer, nothing else goes: what follows needs its session and revision.
  #begin(message, text, signal, sent) {
    this.#stream?.abort();
    this.#session = this.#version = undefined;
    this.#isInitialized = false;
    this.#initialize = message;
    const work = (async () => {
      const reply = await this.#post('initialize', text, signal, sent);
      await this.#carrier.receive(reply, message.id, (heard) => {
        if (heard.id === message.id && heard.result) this.#adopt(reply, heard.result);
        return true;
      });
    })();
    this.#ready = work.catch(() => {});
    return work;
  }

  #adopt({ headers }, { protocolVersion }) {
    this.#session = headers['mcp-session-id'];
    this.#version = typeof protocolVersion === 'string' ? protocolVersion : undefined;
    this.#generation++;
  }

  async #ask(message, text, signal, sent) {
    await this.#ready;
    const state = this.#carrier.patience.begin();
    for (let renewals = 0; ; ) {
      const generation = this.#generation;
      const reply = await this.#post(message.method, text, signal, sent);
      if (reply.status === 404 && this.#session && renewals++ < renewalsMax) {
        discard(reply.stream);
        await this.#renew(generation);
        continue;
      }
      let ended = await this.#carrier.receive(reply, message.id, this.#watch(message));
      while (ended?.lastId !== undefined) ended = await this.#resume(ended, message, signal);
      if (!ended) return;
      if (!mayRepeat(message.method) || !(await this.#carrier.patience.wait(state, signal))) {
        throw new Refused(`${this.#carrier.target.name}: the connection was lost before the answer; whether it was carried out is not known`);
      }
    }
  }

  // Takes a stream up where it ended. Resolves as Carrier.receive does.
  async #resume({ lastId, retryMs = resumeMs }, message, signal) {
    await sleep(Math.max(retryMs, resumeLeastMs), undefined, { signal });
    const reply = await this.#carrier.insist('resources/read', signal, () =>
      this.#carrier.target.open({ method: 'GET', headers: this.#headers({ Accept: 'text/event-stream', 'Last-Event-ID': lastId }), signal }),
    );
    if (reply.status !== 200) {
      discard(reply.stream);
      return { lastId: undefined };
    }
    const ended = await this.#carrier.receive(reply, message.id, this.#watch(message));
    return ended && { lastId: ended.lastId ?? lastId, retryMs: ended.retryMs ?? retryMs };
  }

  // What has to be said again to a session made anew.
  #watch({ id, method, params }) {
    return (heard) => {
      if (heard.id !== id || heard.method !== undefined || heard.result === undefined) return true;
      if (method === 'logging/setLevel') this.#level = params;
      if (method === 'resources/subscribe') this.#subscribed.add(params?.uri);
      if (method === 'resources/unsubscribe') this.#subscribed.delete(params?.uri);
      return true;
    };
  }

  // A notification, or an answer to the server's own request.
  async notify(message, text, sent) {
    const isInitialized = message.method === 'notifications/initialized';
    const work = (async () => {
      await this.#ready;
      const generation = this.#generation;
      const reply = await this.#post(message.method ?? 'answer', text, undefined, sent);
      discard(reply.stream);
      if (reply.status === 404 && this.#session) {
        await this.#renew(generation);
        // An answer is to a request of the session that is gone.
        if (message.method && !isInitialized) discard((await this.#post(message.method, text)).stream);
      } else if (reply.status >= 400) {
        this.#carrier.remark.say(`${message.method ?? 'an answer'} was not taken: ${this.#carrier.explain(reply)}`);
      }
    })();
    if (isInitialized) this.#ready = work.catch(() => {});
    await work;
    if (isInitialized) {
      this.#isInitialized = true;
      this.#listen();
    }
  }

  async cancel(message, text, sent) {
    const abort = this.#open.get(key(message.params?.requestId));
    await this.notify(message, text, sent);
    // A server that was told need not answer; nor need it end the stream.
    abort?.abort();
  }

  // The session is gone. Whoever notices first makes a new one; the others wait for it.
  #renew(generation) {
    if (generation !== this.#generation) return this.#ready;
    if (!this.#initialize) throw new Refused(`${this.#carrier.target.name} does not know this session`);
    this.#generation++;
    this.#stream?.abort();
    this.#session = this.#version = undefined;
    const work = (async () => {
      this.#carrier.remark.say(`${this.#carrier.target.name} no longer knows the session; a new one is made`);
      const reply = await this.#own('initialize', this.#initialize.params);
      const result = await resultOf(reply);
      if (!result) throw new Refused(`${this.#carrier.target.name} makes no new session: ${this.#carrier.explain(reply)}`);
      this.#adopt(reply, result);
      await this.#tell('notifications/initialized');
      if (this.#level) await resultOf(await this.#own('logging/setLevel', this.#level));
      for (const uri of this.#subscribed) await resultOf(await this.#own('resources/subscribe', { uri }));
      if (this.#isInitialized) this.#listen();
    })();
    this.#ready = work.catch(() => {});
    return work;
  }

  #own(method, params) {
    const id = `connek-bridge-${++this.#renewed}`;
    return this.#post(method, JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  }

  async #tell(method) {
    discard((await this.#post(method, JSON.stringify({ jsonrpc: '2.0', method }))).stream);
  }

  // What the server says by itself. A server without such a stream says 405.
  async #listen() {
    if (this.#isClosed) return;
    this.#stream?.abort();
    const abort = new AbortController();
    this.#stream = abort;
    const { signal } = abort;
    const generation = this.#generation;
    let lastId;
    let state = this.#carrier.patience.begin();
    try {
      for (;;) {
        const headers = this.#headers({ Accept: 'text/event-stream', ...(lastId !== undefined && { 'Last-Event-ID': lastId }) });
        const reply = await this.#carrier.insist('ping', signal, () => this.#carrier.target.open({ method: 'GET', headers, signal }));
        if (reply.status !== 200) {
          discard(reply.stream);
          if (reply.status === 404 && this.#session) await this.#renew(generation);
          else if (reply.status !== 405) this.#carrier.remark.say(`no stream of notifications: ${this.#carrier.explain(reply)}`);
          return;
        }
        const began = Date.now();
        const ended = await this.#carrier.follow(reply.stream, () => true);
        lastId = ended.lastId ?? lastId;
        if (Date.now() - began > 10_000 || ended.lastId !== undefined) state = this.#carrier.patience.begin();
        if (!(await this.#carrier.patience.wait(state, signal, ended.retryMs))) return;
      }
    } catch (failure) {
      if (!signal.aborted) this.#carrier.remark.say(`the stream of notifications is lost: ${failure.message}`);
      // The gateway may come back long after; what is notified then is worth a try a minute.
      if (!signal.aborted && !this.#isClosed) setTimeout(() => !signal.aborted && this.#listen(), 60_000).unref();
    }
  }

  // Ends the session, as far as a moment allows.
  async close(withinMs) {
    this.#isClosed = true;
    this.#stream?.abort();
    for (const abort of this.#open.values()) abort.abort();
    if (!this.#session) return;
    const signal = AbortSignal.timeout(withinMs);
    try {
      discard((await this.#carrier.target.open({ method: 'DELETE', headers: this.#headers(), signal })).stream);
    } catch {
      // It ends by itself.
    }
  }
}

// The result in a reply to a request of our own, whatever its form; undefined where there is none.
async function resultOf(reply) {
  const text = await readText(reply.stream);
  if (reply.status !== 200) return undefined;
  for (const part of [text, ...[...text.matchAll(/^data: ?(.*)$/gm)].map(([, data]) => data)]) {
    try {
      const { result } = JSON.parse(part);
      if (result) return result;
    } catch {
      // Another part may be it.
    }
  }
  return undefined;
}
