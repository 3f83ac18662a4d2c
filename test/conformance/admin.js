// An admin of the organisation, for the suite's scenarios about authorization: connects the scenario's server whenever
// Connek says that it has to be, as `connek connection list` says it, and goes where the link leads as a browser would.
import { Browser } from '../integration/support/vendor.js';

// Where the suite expects the client's metadata document to be: PUBLIC/client-metadata.json.
export const publicUrl = 'https://conformance-test.local';

const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

export class Admin {
  n_consents = 0;

  constructor(connek, connection) {
    this.connek = connek;
    this.connection = connection;
  }

  async health() {
    const lines = (await this.connek.ok('connection', 'list', '--json')).trim().split('\n');
    return lines.map((line) => JSON.parse(line)).find(({ connection }) => connection === this.connection);
  }

  // The page that the way through `link` ends on. The public URL is a reverse proxy's before this server: what is sent to
  // it arrives here.
  async follow(link) {
    const browser = new Browser();
    const here = (url) => (url.startsWith(publicUrl) ? this.connek.base + url.slice(publicUrl.length) : url);
    this.n_consents++;
    let url = link;
    for (let i = 0; i < 10; i++) {
      const response = await browser.get(here(url));
      const location = response.headers.get('location');
      const text = await response.text();
      if (!location) return { status: response.status, text };
      url = new URL(location, url).href;
    }
    throw new Error('too many redirects');
  }

  async connect() {
    const link = (await this.connek.ok('connection', 'connect', '--connection', this.connection, '--public-url', publicUrl)).trim();
    const page = await this.follow(link);
    if (page.status !== 200) throw new Error(`not connected: ${page.text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')}`);
  }

  // Until its connection is wanted by nobody, or `isDone` says so.
  async attend(isDone, { attempts = 6, patienceMs = 20_000 } = {}) {
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline) {
      if (await isDone()) return true;
      if ((await this.health()).status === 'reconnect' && this.n_consents < attempts) await this.connect();
      else await pause(100);
    }
    return false;
  }
}
