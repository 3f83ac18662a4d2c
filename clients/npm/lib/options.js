// The command line. Nothing here may repeat what was given as the URL: it holds the person's token.
import { readFileSync } from 'node:fs';

export const version = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

export const help = `connek-bridge ${version}: stdio on one side, a Connek gateway (MCP over Streamable HTTP) on the other

Usage: connek-bridge --url URL [--patience SECONDS]

  --url URL            your personal URL, as Connek gave it to you; also CONNEK_URL, which does not show in a list of
                       processes
  --patience SECONDS   how long a message waits for a gateway that cannot be reached; default 60
  --version            prints the version
  --help               prints this

CONNEK_TOKEN, where it is set, is sent as "Authorization: Bearer ...", for a URL without a token in it.
It ends when its standard input does. Its own remarks go to standard error.
`;

class UsageError extends Error {}

function readUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError('what was given as the URL is none (it is not repeated here: it may hold a token)');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new UsageError('the URL must begin with https:// or http://');
  if (url.username || url.password) throw new UsageError('a URL with a name or password in it is not taken; use CONNEK_TOKEN');
  url.hash = '';
  return url;
}

// { wants: 'help' | 'version' | 'usage', text } or { wants: 'bridge', url, token, patienceMs }
export function readOptions(args, environment) {
  const values = {};
  const rest = [...args];
  try {
    while (rest.length > 0) {
      const word = rest.shift();
      if (word === '--help' || word === '-h') return { wants: 'help' };
      if (word === '--version') return { wants: 'version' };
      const [, name, given] = /^--(url|patience)(?:=(.*))?$/s.exec(word) ?? [];
      if (name) {
        values[name] = given ?? rest.shift();
        if (values[name] === undefined) throw new UsageError(`--${name} needs a value`);
      } else if (/^https?:/.test(word) && values.url === undefined) {
        values.url = word;
      } else {
        throw new UsageError(`an argument that is not known${word.startsWith('--') ? `: ${word.split('=')[0]}` : ''}`);
      }
    }
    const text = values.url ?? environment.CONNEK_URL;
    if (!text) throw new UsageError('which gateway? --url URL, or CONNEK_URL');
    const patience = Number(values.patience ?? 60);
    if (!(patience >= 0 && patience <= 86_400)) throw new UsageError('--patience is a number of seconds, 0 to 86400');
    return { wants: 'bridge', url: readUrl(text), token: environment.CONNEK_TOKEN || undefined, patienceMs: patience * 1000 };
  } catch (failure) {
    if (failure instanceof UsageError) return { wants: 'usage', text: failure.message };
    throw failure;
  }
}
