// What a tool must give for an answer of its service, read from the manifest independently of Connek.

// "a,b(c,d)" as { a: null, b: { c: null, d: null } }; null: all of it.
export function parseMask(text) {
  let at = 0;
  function level() {
    const fields = {};
    for (;;) {
      const name = /^[^,()]+/.exec(text.slice(at))[0];
      at += name.length;
      fields[name] = null;
      if (text[at] === '(') {
        at++;
        fields[name] = level();
        at++; // its ")"
      }
      if (text[at] !== ',') return fields;
      at++;
    }
  }
  const fields = level();
  if (at !== text.length) throw new Error(`not a mask: ${text}`);
  return fields;
}

export function applyMask(fields, value) {
  if (!fields || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => applyMask(fields, item));
  if ('*' in fields) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name in fields).map(([name, member]) => [name, applyMask(fields[name], member)]));
}

export const find = (path, value) => path.split('.').reduce((place, key) => place?.[key], value);

// The structured content that an answer becomes, without a cursor.
export function expected(tool, answer) {
  const mask = tool.keep ? parseMask(tool.keep) : null;
  const value = tool.items ? find(tool.items, answer) : tool.result ? find(tool.result, answer) : answer;
  const kept = applyMask(mask, value);
  if (Array.isArray(kept)) return { items: kept };
  return kept !== null && typeof kept === 'object' ? kept : { result: kept };
}

// The names of a mask that an answer has nothing for: "owner.login".
export function unmatched(tool, answer) {
  if (!tool.keep) return [];
  const value = tool.items ? find(tool.items, answer) : tool.result ? find(tool.result, answer) : answer;
  const missing = [];
  const walk = (fields, values, path) => {
    const objects = values.flat(Infinity).filter((object) => object !== null && typeof object === 'object');
    for (const [name, inner] of Object.entries(fields)) {
      const found = objects.filter((object) => name in object).map((object) => object[name]);
      if (found.length === 0) missing.push(`${path}${name}`);
      else if (inner && found.flat(Infinity).some((object) => object !== null && typeof object === 'object')) walk(inner, found, `${path}${name}.`);
    }
  };
  walk(parseMask(tool.keep), [value], '');
  return missing;
}
