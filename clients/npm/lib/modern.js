// The modern era (2026-07-28): every request stands alone. To cancel is to leave.
import { mayRepeat } from './patience.js';
import { Refused } from './carrier.js';
import { ToolHeaders, modernHeaders } from './headers.js';
import { readText } from './target.js';

const headerMismatch = -32020;
const pagesMax = 100;
const key = (id) => JSON.stringify(id);

export class Modern {
  #carrier;
  #tools = new ToolHeaders();
  #open = new Map(); // id: its AbortController
  #version;

  constructor(carrier) {
    this.#carrier = carrier;
  }

  get isUsed() {
    return this.#version !== undefined;
  }

  has(id) {
    return this.#open.has(key(id));
  }

  cancel(id) {
    this.#open.get(key(id))?.abort();
  }

  async request(message, text, version, sent) {
    this.#version = version;
    const abort = new AbortController();
    this.#open.set(key(message.id), abort);
    try {
      await (message.method === 'subscriptions/listen' ? this.#listen : this.#ask).call(this, message, text, version, abort.signal, sent);
    } catch (failure) {
      if (abort.signal.aborted) return;
      await this.#carrier.refuse(message.id, failure instanceof Refused ? failure.message : 'the bridge failed');
    } finally {
      if (this.#open.get(key(message.id)) === abort) this.#open.delete(key(message.id));
    }
  }

  async notify(message, text, sent) {
    const headers = modernHeaders(message, this.#version, this.#tools);
    const reply = await this.#carrier.insist(message.method, undefined, () =>
      this.#carrier.target.open({ method: 'POST', headers, body: text, sent }),
    );
    reply.stream.resume();
  }

  #post(message, text, version, signal, sent) {
    return this.#carrier.insist(message.method, signal, () => {
      const headers = modernHeaders(message, version, this.#tools);
      return this.#carrier.target.open({ method: 'POST', headers, body: text, signal, sent });
    });
  }

  async #ask(message, text, version, signal, sent) {
    let mayLearn = message.method === 'tools/call';
    const state = this.#carrier.patience.begin();
    for (;;) {
      let isMismatch = false;
      const reply = await this.#post(message, text, version, signal, sent);
      const ended = await this.#carrier.receive(reply, message.id, (heard) => {
        if (message.method === 'tools/list' && heard.id === message.id) this.#tools.learn(heard.result?.tools);
        isMismatch = mayLearn && heard.error?.code === headerMismatch;
        return !isMismatch;
      });
      if (isMismatch) {
        // A tool that repeats an argument in a header, and whose definition has not passed here.
        mayLearn = false;
        await this.#learn(message, version, signal);
        continue;
      }
      if (!ended) return;
      if (!mayRepeat(message.method) || !(await this.#carrier.patience.wait(state, signal))) {
        throw new Refused(`${this.#carrier.target.name}: the connection was lost before the answer; whether it was carried out is not known`);
      }
    }
  }

  // Lists the tools for ourselves, with the client's own `_meta`.
  async #learn({ params }, version, signal) {
    let cursor;
    for (let page = 0; page < pagesMax; page++) {
      const own = { jsonrpc: '2.0', id: 'connek-bridge', method: 'tools/list', params: { _meta: params._meta, ...(cursor && { cursor }) } };
      const reply = await this.#post(own, JSON.stringify(own), version, signal);
      const text = await readText(reply.stream);
      const line = /^data: ?(.*"result".*)$/m.exec(text)?.[1] ?? text;
      let result;
      try {
        ({ result } = JSON.parse(line));
      } catch {
        return;
      }
      this.#tools.learn(result?.tools);
      cursor = result?.nextCursor;
      if (!cursor) return;
    }
  }

  // A subscription is opened again when its stream ends. Its acknowledgement is the client's once.
  async #listen(message, text, version, signal, sent) {
    let isAcknowledged = false;
    let state = this.#carrier.patience.begin();
    for (;;) {
      const reply = await this.#post(message, text, version, signal, sent);
      const isStream = reply.status === 200;
      const ended = await this.#carrier.receive(reply, message.id, (heard) => {
        if (heard.method !== 'notifications/subscriptions/acknowledged') return true;
        const isNew = !isAcknowledged;
        isAcknowledged = true;
        state = this.#carrier.patience.begin();
        return isNew;
      });
      if (!ended) return;
      if (!isStream || !(await this.#carrier.patience.wait(state, signal, ended.retryMs))) {
        throw new Refused(`${this.#carrier.target.name}: the subscription ended`);
      }
    }
  }

  close() {
    for (const abort of this.#open.values()) abort.abort();
  }
}
