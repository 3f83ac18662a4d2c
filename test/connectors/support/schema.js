// Schemas of OpenAPI 3.0, 3.1 and Swagger 2.0 as validators (JSON Schema 2020-12), strict where descriptions are loose: a
// member that an object's description does not name is refused. It must know nothing of requests.
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const applicators = ['allOf', 'anyOf', 'oneOf'];
const passed = [
  'type', 'enum', 'const', 'format', 'pattern', 'required', 'minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems',
  'minProperties', 'maxProperties', 'multipleOf',
];
// Formats that describe a type more than its text; ajv-formats' dates are RFC 3339, as those of the services' inputs are.
const formatsKept = new Set(['date', 'date-time', 'uuid', 'uri', 'email', 'int32', 'int64']);

function nameOf(pointer) {
  return pointer.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0)}_`);
}

export class Description {
  constructor(document) {
    this.document = document;
    this.version = document.swagger ?? document.openapi;
    this.validators = new Map();
  }

  // What a `$ref` stands for, or the object itself.
  resolve(object) {
    while (object && typeof object.$ref === 'string') object = this.at(object.$ref);
    return object;
  }

  at(ref) {
    if (!ref.startsWith('#/')) throw new Error(`a reference that leads out: ${ref}`);
    const found = ref
      .slice(2)
      .split('/')
      .reduce((object, key) => object?.[decodeURIComponent(key).replace(/~1/g, '/').replace(/~0/g, '~')], this.document);
    if (found === undefined) throw new Error(`a dangling reference: ${ref}`);
    return found;
  }

  // Returns value => list of what is wrong. `isText`: the value came as text (query, form, path), and "12" is an integer.
  validator(schema, { isText = false } = {}) {
    const key = (isText ? 'text ' : '') + JSON.stringify(schema);
    let validate = this.validators.get(key);
    if (!validate) {
      const defs = new Map();
      const root = this.#value(schema, defs);
      const ajv = new Ajv({ strict: false, allErrors: false, logger: false, coerceTypes: isText, validateFormats: true });
      addFormats(ajv);
      const compiled = ajv.compile({ $defs: Object.fromEntries(defs), ...root });
      validate = (value) => {
        const holder = { value: structuredClone(value) };
        if (compiled(holder.value, { parentData: holder, parentDataProperty: 'value', instancePath: '', rootData: holder })) return [];
        return compiled.errors.map((error) => `${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`);
      };
      this.validators.set(key, validate);
    }
    return validate;
  }

  // A schema where a value stands: closed, so that what it does not name is refused.
  #value(schema, defs) {
    const converted = this.#convert(schema, defs);
    return typeof converted === 'object' && this.#namesMembers(schema) ? { ...converted, unevaluatedProperties: false } : converted;
  }

  #namesMembers(schema, seen = new Set()) {
    schema = this.resolve(schema);
    if (!schema || seen.has(schema)) return false;
    seen.add(schema);
    return (
      Object.keys(schema.properties ?? {}).length > 0 ||
      applicators.some((word) => schema[word]?.some((branch) => this.#namesMembers(branch, seen)))
    );
  }

  // A schema as a part of another: open, since its siblings may name more.
  #convert(schema, defs) {
    if (typeof schema === 'boolean') return schema;
    if (schema.$ref) {
      const name = nameOf(schema.$ref);
      if (!defs.has(name)) {
        defs.set(name, true); // a cycle ends here
        defs.set(name, this.#convert(this.at(schema.$ref), defs));
      }
      return { $ref: `#/$defs/${name}` };
    }
    const out = {};
    for (const word of passed) if (schema[word] !== undefined) out[word] = schema[word];
    if (out.type === 'file') delete out.type;
    if (out.format && !formatsKept.has(out.format)) delete out.format;
    if (schema['x-stripeBypassValidation']) delete out.enum;
    for (const [limit, exclusive] of [['minimum', 'exclusiveMinimum'], ['maximum', 'exclusiveMaximum']]) {
      if (typeof schema[exclusive] === 'number') out[exclusive] = schema[exclusive];
      if (schema[limit] !== undefined) out[schema[exclusive] === true ? exclusive : limit] = schema[limit];
    }
    if (schema.items) out.items = this.#value(schema.items, defs);
    if (schema.properties) {
      const members = Object.entries(schema.properties);
      out.properties = Object.fromEntries(members.map(([name, member]) => [name, this.#value(member, defs)]));
    }
    if (schema.additionalProperties !== undefined)
      out.additionalProperties =
        typeof schema.additionalProperties === 'object' ? this.#value(schema.additionalProperties, defs) : schema.additionalProperties;
    else if (schema.type === 'object' && !this.#namesMembers(schema)) out.additionalProperties = true;
    for (const word of applicators) if (schema[word]) out[word] = schema[word].map((branch) => this.#convert(branch, defs));
    if (schema.not) out.not = this.#convert(schema.not, defs);
    return schema.nullable ? this.#nullable(out) : out;
  }

  // OpenAPI 3.0: `nullable` allows null beside the type, and says nothing where there is no type.
  #nullable(schema) {
    if (!schema.type && !applicators.some((word) => schema[word])) return schema;
    return { anyOf: [schema, { type: 'null' }] };
  }

  // A value as the description says it may look: its example, or one made up.
  sample(schema, depth = 0) {
    const example = schema.example ?? schema.examples?.[0];
    if (example !== undefined && typeof example !== 'string') return example;
    schema = this.resolve(schema);
    if (schema.example !== undefined && (schema.type === 'string' || typeof schema.example !== 'string')) return schema.example;
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return schema.enum[0];
    if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => this.sample(part, depth)), schema.properties && this.#object(schema, depth));
    const branch = (schema.anyOf ?? schema.oneOf)?.[0];
    if (branch) return this.sample(branch, depth);
    const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
    if (schema.properties || type === 'object') return this.#object(schema, depth);
    if (type === 'array') return depth > 6 || !schema.items ? [] : [this.sample(schema.items, depth + 1)];
    return { integer: 7, number: 7.5, boolean: true, string: sampleText(schema.format) }[type] ?? null;
  }

  #object(schema, depth) {
    if (depth > 6) return {};
    const members = Object.entries(schema.properties ?? {});
    return Object.fromEntries(members.map(([name, member]) => [name, this.sample(member, depth + 1)]));
  }
}

function sampleText(format) {
  const texts = { 'date-time': '2026-11-20T10:00:00Z', date: '2026-11-20', uuid: 'f2a1f3de-0c5e-4a0b-9a6b-0c9c5a8a7b11', uri: 'https://example.com/x' };
  return texts[format] ?? 'text';
}
