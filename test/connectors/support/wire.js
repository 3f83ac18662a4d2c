// How values are written in requests, read back: query strings, forms with brackets, multipart. It must know no schema.

// "a=1&b%20c=x" as pairs, percent-decoded; a bad encoding throws.
export function parsePairs(text) {
  if (text === '') return [];
  return text.split('&').map((part) => {
    const at = part.indexOf('=');
    if (at < 0) throw new Error(`a part without "=": ${part}`);
    const decode = (word) => decodeURIComponent(word.replace(/\+/g, ' '));
    return [decode(part.slice(0, at)), decode(part.slice(at + 1))];
  });
}

// [['a[b][0]', '1'], ['c[]', '2']] as { a: { b: ['1'] }, c: ['2'] }; a name twice, or both value and object, throws.
export function parseBrackets(pairs) {
  const root = {};
  for (const [name, value] of pairs) {
    const found = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
    if (!found) throw new Error(`not a form's name: ${name}`);
    const keys = [found[1], ...[...found[2].matchAll(/\[([^\]]*)\]/g)].map((match) => match[1])];
    let place = root;
    keys.forEach((key, i) => {
      if (key === '' && i === 0) throw new Error(`not a form's name: ${name}`);
      const actual = key === '' ? String(Object.keys(place).length) : key;
      if (i === keys.length - 1) {
        if (actual in place) throw new Error(`twice: ${name}`);
        place[actual] = value;
      } else {
        if (typeof place[actual] === 'string') throw new Error(`both value and object: ${name}`);
        place = place[actual] ??= {};
      }
    });
  }
  return asLists(root);
}

// Objects whose keys are 0, 1, 2 ... are lists.
function asLists(tree) {
  if (typeof tree !== 'object') return tree;
  const keys = Object.keys(tree);
  if (keys.length > 0 && keys.every((key, i) => key === String(i))) return keys.map((key) => asLists(tree[key]));
  return Object.fromEntries(keys.map((key) => [key, asLists(tree[key])]));
}

// The parts of a multipart body (RFC 7578): [{ name, filename, type, bytes }].
export function parseMultipart(contentType, bytes) {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (!boundary) throw new Error('multipart without a boundary');
  const text = bytes.toString('latin1');
  const pieces = text.split(`--${boundary}`);
  if (pieces.length < 3 || pieces[0] !== '' || !/^--(\r\n)?$/.test(pieces.at(-1))) throw new Error('a multipart body that does not begin or end');
  return pieces.slice(1, -1).map((piece) => {
    const at = piece.indexOf('\r\n\r\n');
    if (!piece.startsWith('\r\n') || !piece.endsWith('\r\n') || at < 0) throw new Error('a part without its head');
    const head = piece.slice(2, at);
    const disposition = /^content-disposition: *form-data(.*)$/im.exec(head)?.[1];
    const name = /; *name="([^"]*)"/.exec(disposition ?? '')?.[1];
    if (name === undefined) throw new Error('a part without a name');
    return {
      name: Buffer.from(name, 'latin1').toString(),
      filename: /; *filename="([^"]*)"/.exec(disposition)?.[1],
      type: /^content-type: *(.*?)\r?$/im.exec(head)?.[1],
      bytes: Buffer.from(piece.slice(at + 4, -2), 'latin1'),
    };
  });
}
