// The gateway: one HTTP exchange at a time, as MCP needs them. It must know nothing of MCP's messages.
//
// node:http rather than fetch: a call may take as long as it takes, and a failure must tell whether anything was sent.
import http from 'node:http';
import https from 'node:https';

// A failure to exchange. `wasSent`: the request may have arrived.
export class Unreachable extends Error {
  constructor(message, wasSent) {
    super(message);
    this.wasSent = wasSent;
  }
}

const bodyBytesMax = 256 * 1024 * 1024;
const idleConnectionMs = 15_000;

export class Target {
  #url;
  #token;
  #http;
  #agent;

  constructor(url, token) {
    this.#url = url;
    this.#token = token;
    this.#http = url.protocol === 'https:' ? https : http;
    // An idle connection is given up before the other side may have done so: a call sent into one that is just being
    // closed would fail, and nobody could tell whether it was carried out.
    this.#agent = new this.#http.Agent({ keepAlive: true, timeout: idleConnectionMs, scheduling: 'lifo' });
    this.host = url.host;
  }

  // What may be shown of the URL: never its path or query, which may hold a token.
  get name() {
    return this.#url.origin;
  }

  // Takes out of a text what is secret in the URL and the token, should the other side have repeated it.
  redact(text) {
    const secrets = [this.#token, this.#url.pathname, ...this.#url.pathname.split('/'), ...this.#url.searchParams.values()];
    return secrets.filter((secret) => secret?.length >= 8).reduce((shown, secret) => shown.replaceAll(secret, '…'), text);
  }

  // Resolves with { status, headers, stream } once the head has come. `sent` is called when the request has left.
  open({ method, headers, body, signal, sent = () => {} }) {
    return new Promise((resolve, reject) => {
      let isConnected = false;
      const request = this.#http.request(this.#url, {
        method,
        agent: this.#agent,
        signal,
        headers: {
          ...headers,
          ...(this.#token && { Authorization: `Bearer ${this.#token}` }),
          ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
        },
      });
      // Nothing leaves before there is a connection, for https an encrypted one; after, any of it may have.
      request.on('socket', (socket) => {
        if (!socket.connecting) isConnected = true;
        else socket.once(this.#url.protocol === 'https:' ? 'secureConnect' : 'connect', () => (isConnected = true));
      });
      request.on('finish', sent);
      request.on('error', (error) => {
        sent();
        reject(signal?.aborted ? error : new Unreachable(reason(error), isConnected));
      });
      request.on('response', (stream) => {
        stream.on('error', () => {});
        resolve({ status: stream.statusCode, headers: stream.headers, stream });
      });
      request.end(body);
    });
  }

  close() {
    this.#agent.destroy();
  }
}

// Never Node's own text: it may hold more than the reason.
function reason({ code }) {
  const known = {
    ECONNREFUSED: 'the connection was refused',
    ECONNRESET: 'the connection was lost',
    EPIPE: 'the connection was lost',
    ENOTFOUND: 'there is no such host',
    EAI_AGAIN: 'its name cannot be resolved now',
    ETIMEDOUT: 'it does not answer',
    EHOSTUNREACH: 'there is no way to it',
    ENETUNREACH: 'there is no network',
    CERT_HAS_EXPIRED: 'its certificate has expired',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed (NODE_EXTRA_CA_CERTS names further authorities)',
    SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an unknown authority (NODE_EXTRA_CA_CERTS names further ones)',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an unknown authority (NODE_EXTRA_CA_CERTS names further ones)',
    ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
    EPROTO: 'it does not speak TLS',
  };
  return known[code] ?? `it cannot be reached (${code ?? 'unknown'})`;
}

// All of a body as text.
export async function readText(stream) {
  const chunks = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > bodyBytesMax) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

// Ends an answer that is not of interest, so that its connection can be used again.
export function discard(stream) {
  stream.resume();
}
