// A service that keeps to its description: it takes only requests that its description allows, and says why it refuses one.
// It must know no kind of description; what extends it examines the requests.
import { createServer, request as httpRequest } from 'node:http';
import { once } from 'node:events';

export class VendorServer {
  requests = []; // { key, method, url, headers, bytes, reasons, answer, status }, oldest first

  // A subclass's examine({ method, url, headers, bytes }) gives { key, reasons, reply() }; reply() gives { status, headers, body }.
  async start(t) {
    this.server = createServer((request, response) => this.#take(request, response));
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.host = `127.0.0.1:${this.server.address().port}`;
    this.origin = `http://${this.host}`;
    t.after(() => {
      this.server.closeAllConnections();
      this.server.close();
    });
    return this;
  }

  get refused() {
    return this.requests.filter((request) => request.reasons.length > 0);
  }

  async #take(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const taken = { method: request.method, url: request.url, headers: request.headers, bytes: Buffer.concat(chunks) };
    const { key, reasons, reply } = this.#examineSafely(taken);
    const { status = 200, headers = {}, body } = reasons.length > 0 ? this.#refusal(reasons) : reply();
    this.requests.push({ ...taken, key, reasons, answer: body, status });
    if (body === undefined) return response.writeHead(status, headers).end();
    const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(isRaw ? body : JSON.stringify(body));
  }

  #examineSafely(taken) {
    try {
      return this.examine(taken);
    } catch (error) {
      return { key: null, reasons: [`${error.message}`] };
    }
  }

  #refusal(reasons) {
    return { status: 400, body: { ok: false, message: reasons.join('; '), error: reasons.join('; ') } };
  }

  // Sends a request as it is, as if from a client: { status, reasons }.
  async send({ method, url, headers, bytes }) {
    const { connection, 'transfer-encoding': _, 'content-length': __, ...kept } = headers;
    const sent = httpRequest(`${this.origin}${url}`, { method, headers: bytes?.length ? { ...kept, 'content-length': bytes.length } : kept });
    sent.end(bytes?.length ? bytes : undefined);
    const [response] = await once(sent, 'response');
    response.resume();
    await once(response, 'end');
    return { status: response.statusCode, reasons: this.requests.at(-1).reasons };
  }
}
