// The process: standard input and output, signals, and remarks on standard error.
import { StringDecoder } from 'node:string_decoder';
import { Bridge } from './bridge.js';
import { help, readOptions, version } from './options.js';
import { Target } from './target.js';

// Remarks: what changed, once, and never anything of the URL but its origin.
class Remark {
  #target;
  #isUnreachable = false;

  constructor(target) {
    this.#target = target;
  }

  say(text) {
    process.stderr.write(`connek-bridge: ${this.#target.redact(text).replace(/[\r\n]+/g, ' ')}\n`);
  }

  unreachable(why) {
    if (!this.#isUnreachable) this.say(`${this.#target.name} cannot be used now: ${why}; trying again`);
    this.#isUnreachable = true;
  }

  reached() {
    if (this.#isUnreachable) this.say(`${this.#target.name} is back`);
    this.#isUnreachable = false;
  }
}

// Lines to the client. A client that has left ends the bridge.
const client = {
  write(text) {
    if (process.stdout.write(`${text}\n`)) return Promise.resolve();
    return new Promise((resolve) => process.stdout.once('drain', resolve));
  },
};

const lineLengthMax = 64 * 1024 * 1024;

function readLines(take, end) {
  const decoder = new StringDecoder('utf8');
  let begun = []; // pieces of a line whose end has not come
  let length = 0;
  const flush = () => {
    take(length > lineLengthMax ? '!' : begun.join('')); // what is too long is no message
    begun = [];
    length = 0;
  };
  process.stdin.on('data', (chunk) => {
    const pieces = decoder.write(chunk).split('\n');
    for (const [at, piece] of pieces.entries()) {
      if (at > 0) flush();
      length += piece.length;
      if (length <= lineLengthMax) begun.push(piece);
    }
  });
  process.stdin.on('end', () => {
    flush();
    end();
  });
  process.stdin.on('error', end);
}

const isLoopback = (host) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);

export function main(args, environment) {
  const options = readOptions(args, environment);
  if (options.wants === 'help') return void process.stdout.write(help);
  if (options.wants === 'version') return void process.stdout.write(`${version}\n`);
  if (options.wants === 'usage') {
    process.stderr.write(`connek-bridge: ${options.text}\nconnek-bridge --help tells more.\n`);
    process.exitCode = 2;
    return;
  }
  const target = new Target(options.url, options.token);
  const remark = new Remark(target);
  if (options.url.protocol === 'http:' && !isLoopback(options.url.hostname)) {
    remark.say(`${target.name} is not encrypted (http): whoever is on the way can read the token`);
  }
  const bridge = new Bridge({ target, client, patienceMs: options.patienceMs, remark });
  const leave = (code) => bridge.close().finally(() => process.exit(code));
  process.on('SIGTERM', () => leave(0));
  process.on('SIGINT', () => leave(0));
  process.stdout.on('error', () => leave(0));
  readLines(
    (line) => bridge.take(line),
    () => bridge.finish().finally(() => process.exit(0)),
  );
}
