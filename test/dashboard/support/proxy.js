// A proxy before Connek that a test bends: it delays, answers 503 itself, or cuts the connection, of the requests that
// it is told of. The browser goes through it as people go through their company's.
import { createServer, request as ask } from 'node:http';
import { once } from 'node:events';

export class Proxy {
  // (method, path) => nothing | { delayMs } | { status } | { cut: 'before' | 'after' }: 'after', when Connek has done it
  bend = () => undefined;

  static async start(t) {
    const proxy = new Proxy();
    proxy.server = createServer((request, response) => proxy.#take(request, response).catch(() => response.destroy()));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.base = `http://127.0.0.1:${proxy.server.address().port}`;
    t.after(() => {
      proxy.server.closeAllConnections();
      proxy.server.close();
    });
    return proxy;
  }

  to(base) {
    this.target = new URL(base);
  }

  async #take(request, response) {
    const { delayMs, status, cut } = this.bend(request.method, request.url) ?? {};
    if (delayMs) await new Promise((resume) => setTimeout(resume, delayMs));
    if (cut === 'before') return request.socket.destroy();
    if (status) return response.writeHead(status, { 'Content-Type': 'text/html' }).end('<h1>Service unavailable</h1>');
    const onward = ask({ host: this.target.hostname, port: this.target.port, method: request.method, path: request.url, headers: request.headers }, (answer) => {
      if (cut === 'after') return request.socket.destroy();
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }
}
