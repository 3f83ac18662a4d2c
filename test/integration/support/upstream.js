// A small HTTP service for the http connector to stand before: it counts, remembers, and answers as a test tells it.
import { createServer } from 'node:http';
import { once } from 'node:events';

export class Upstream {
  requests = []; // { method, url, headers, body }, oldest first
  departures = 0; // replies that nobody waited for

  // `answer(request, response)` may be replaced at any time; the default echoes what it got as JSON.
  static async start(t, answer) {
    const upstream = new Upstream();
    upstream.answer = answer ?? ((request, response) => upstream.json(response, { method: request.method, url: request.url }));
    upstream.server = createServer((request, response) => upstream.#take(request, response));
    upstream.server.listen(0, '127.0.0.1');
    await once(upstream.server, 'listening');
    upstream.host = `127.0.0.1:${upstream.server.address().port}`;
    upstream.base = `http://${upstream.host}`;
    t.after(() => upstream.close());
    return upstream;
  }

  async #take(request, response) {
    response.on('close', () => {
      if (!response.writableFinished) this.departures++;
    });
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks).toString();
    this.requests.push({ method: request.method, url: request.url, headers: request.headers, rawHeaders: request.rawHeaders, body });
    await this.answer(request, response, body);
  }

  get count() {
    return this.requests.length;
  }

  json(response, value, status = 200) {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
