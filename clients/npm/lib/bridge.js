// From the client's lines to the gateway: which era a message is of, and in which order they leave.
import { Carrier } from './carrier.js';
import { modernVersion } from './headers.js';
import { Legacy } from './legacy.js';
import { Modern } from './modern.js';
import { Patience } from './patience.js';

const goodbyeMs = 1_000;

export class Bridge {
  #client;
  #carrier;
  #legacy;
  #modern;
  #remark;
  #turn = Promise.resolve(); // each message leaves after the one before it has left
  #requests = new Set();

  constructor({ target, client, patienceMs, remark }) {
    this.#client = client;
    this.#remark = remark;
    this.#carrier = new Carrier({ target, client, patience: new Patience(patienceMs), remark });
    this.#legacy = new Legacy(this.#carrier);
    this.#modern = new Modern(this.#carrier);
  }

  // One line of the client's.
  take(line) {
    if (line.trim() === '') return;
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      this.#client.write(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } }));
      return;
    }
    // Batches were in 2025-03-26 alone; their messages may as well go one by one.
    if (Array.isArray(message)) message.forEach((one) => this.#send(one, JSON.stringify(one)));
    else this.#send(message, line);
  }

  #send(message, text) {
    if (message === null || typeof message !== 'object' || Array.isArray(message)) {
      this.#client.write(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32600, message: 'Invalid Request' } }));
      return;
    }
    const before = this.#turn;
    let leave;
    this.#turn = new Promise((resolve) => (leave = resolve));
    const work = before
      .then(() => this.#route(message, text, leave))
      .catch((failure) => this.#remark.say(`${message.method ?? 'an answer'} did not arrive: ${failure.message}`))
      .finally(leave);
    const isRequest = message.method !== undefined && message.id !== undefined;
    if (!isRequest || message.method === 'subscriptions/listen') return;
    this.#requests.add(work);
    work.finally(() => this.#requests.delete(work));
  }

  #route(message, text, sent) {
    const { id, method } = message;
    const version = modernVersion(message);
    if (method === undefined) return this.#legacy.notify(message, text, sent);
    if (id !== undefined) {
      if (version) return this.#modern.request(message, text, version, sent);
      return this.#legacy.request(message, text, sent);
    }
    if (method === 'notifications/cancelled') {
      const cancelled = message.params?.requestId;
      if (this.#modern.has(cancelled)) return this.#modern.cancel(cancelled);
      if (this.#legacy.has(cancelled)) return this.#legacy.cancel(message, text, sent);
      return undefined; // answered already
    }
    return version || (this.#modern.isUsed && !this.#legacy.isUsed)
      ? this.#modern.notify(message, text, sent)
      : this.#legacy.notify(message, text, sent);
  }

  // The client has closed its side: what it asked is answered, then all ends.
  async finish() {
    while (this.#requests.size > 0) await Promise.allSettled(this.#requests);
    await this.close();
  }

  async close() {
    this.#modern.close();
    await this.#legacy.close(goodbyeMs);
    this.#carrier.target.close();
  }
}
