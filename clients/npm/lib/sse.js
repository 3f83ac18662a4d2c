// Server-sent events as WHATWG HTML has them, as far as MCP uses them.
import { StringDecoder } from 'node:string_decoder';

// Of one event; a gateway that sends more on one line is not one.
const eventBytesMax = 256 * 1024 * 1024;

// Yields { id, data, retryMs } for each event, and for each `retry` that came without one; `data` may be ''.
export async function* readEvents(chunks) {
  const decoder = new StringDecoder('utf8');
  let begun = []; // pieces of a line whose end has not come
  let size = 0;
  let event = fresh();
  let isFirst = true;
  for await (const chunk of chunks) {
    const piece = decoder.write(chunk);
    begun.push(isFirst ? piece.replace(/^\uFEFF/, '') : piece);
    size += piece.length;
    isFirst = isFirst && piece === '';
    if (size + event.size > eventBytesMax) throw new Error('an event is too large');
    if (!/[\r\n]/.test(piece)) continue;
    // A CR at the very end may be half of a CRLF.
    const lines = begun.join('').split(/\r\n|\n|\r(?!$)/);
    begun = [lines.pop()];
    size = begun[0].length;
    for (const line of lines) {
      if (line === '') {
        if (event.isSomething) yield { id: event.id, data: event.data.join('\n'), retryMs: event.retryMs };
        event = fresh();
      } else {
        take(event, line);
      }
    }
  }
}

const fresh = () => ({ id: undefined, data: [], retryMs: undefined, isSomething: false, size: 0 });

function take(event, line) {
  const colon = line.indexOf(':');
  if (colon === 0) return;
  const field = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
  if (field === 'data') event.data.push(value);
  else if (field === 'id' && !value.includes('\0')) event.id = value;
  else if (field === 'retry' && /^\d{1,9}$/.test(value)) event.retryMs = Number(value);
  else return;
  event.isSomething = true;
  event.size += value.length;
}
