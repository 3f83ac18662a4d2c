// A service made from its OpenAPI or Swagger description: every part of a request is held against it, and the answer is its
// example, or one made from its schema.
import { Description } from './schema.js';
import { VendorServer } from './server.js';
import { parseBrackets, parseMultipart, parsePairs } from './wire.js';

const methods = ['get', 'put', 'post', 'delete', 'patch'];
const form = 'application/x-www-form-urlencoded';

export class Vendor extends VendorServer {
  // options: `base`: the path before those of the description (default: its server's); `auth`: fields that every request must
  // have, name → text or pattern; `more`: parameters that the description lacks, operation → list; `answers`: operation → an
  // answer's body, or a function of the request that gives { status, headers, body }.
  constructor(document, { base, auth = {}, more = {}, answers = {} } = {}) {
    super();
    this.description = new Description(document);
    this.base = base ?? (document.swagger ? (document.basePath ?? '') : new URL(document.servers[0].url).pathname).replace(/\/$/, '');
    this.auth = auth;
    this.answers = answers;
    this.more = more;
    this.routes = Object.entries(document.paths).flatMap(([path, item]) => this.#routes(path, item));
    this.routes.sort((a, b) => a.names.length - b.names.length);
  }

  #routes(path, item) {
    const names = [];
    const pattern = path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{([^}]+)\}/g, (_, name) => {
      names.push(name);
      return '([^/]+)';
    });
    const present = methods.filter((method) => item[method]);
    return present.map((method) => ({ key: `${method.toUpperCase()} ${path}`, pattern: new RegExp(`^${pattern}$`), names, item, operation: item[method] }));
  }

  get operations() {
    return this.routes.map((route) => route.key);
  }

  examine(request) {
    const at = request.url.indexOf('?');
    const path = at < 0 ? request.url : request.url.slice(0, at);
    const reasons = [];
    for (const [name, expected] of Object.entries(this.auth)) {
      const value = request.headers[name];
      const isRight = expected instanceof RegExp ? expected.test(value ?? '') : value === expected;
      if (!isRight) reasons.push(`header ${name} is ${value}`);
    }
    const route = path.startsWith(this.base) && this.routes.find(({ key, pattern }) => key.startsWith(`${request.method} `) && pattern.test(path.slice(this.base.length)));
    if (!route) return { key: null, reasons: [...reasons, `no operation ${request.method} ${path}`] };

    const parameters = this.#parameters(route);
    const values = route.pattern.exec(path.slice(this.base.length)).slice(1).map(decodeURIComponent);
    const pathValues = Object.fromEntries(route.names.map((name, i) => [name, values[i]]));
    for (const parameter of parameters.filter(({ in: place }) => place === 'path'))
      reasons.push(...this.#check(parameter.schema, pathValues[parameter.name], `path ${parameter.name}`));
    const query = this.#query(parameters, at < 0 ? '' : request.url.slice(at + 1), reasons);
    this.#headers(parameters, request.headers, reasons);
    const body = this.#body(this.#bodyOf(route, parameters), request, reasons);
    return { key: route.key, reasons, reply: () => this.#reply(route, { ...request, path: pathValues, query, body }) };
  }

  // Parameters in the form of OpenAPI 3, of Swagger 2 as well.
  #parameters({ key, item, operation }) {
    const all = [...(item.parameters ?? []), ...(operation.parameters ?? []), ...(this.more[key] ?? [])];
    return all.map((parameter) => {
      parameter = this.description.resolve(parameter);
      if (parameter.schema) return parameter;
      const { name, in: place, required, collectionFormat, ...schema } = parameter;
      return { name, in: place, required, style: 'form', explode: collectionFormat === 'multi', schema };
    });
  }

  #check(schema, value, place) {
    return this.description.validator(schema, { isText: true })(value).map((reason) => `${place}: ${reason}`);
  }

  #query(parameters, text, reasons) {
    const pairs = parsePairs(text);
    const values = {};
    for (const parameter of parameters.filter(({ in: place }) => place === 'query')) {
      const { name, schema, style = 'form', explode = style === 'form' } = parameter;
      const isTree = style === 'deepObject';
      const own = pairs.filter(([key]) => key === name || (isTree && key.startsWith(`${name}[`)));
      own.forEach((pair) => pairs.splice(pairs.indexOf(pair), 1));
      if (own.length === 0) {
        if (parameter.required) reasons.push(`query ${name} is missing`);
        continue;
      }
      const isList = this.description.resolve(schema).type === 'array';
      if (!isTree && own.length > 1 && !(isList && explode)) reasons.push(`query ${name} is there twice`);
      if (isTree) values[name] = parseBrackets(own)[name];
      else if (isList) values[name] = explode ? own.map(([, value]) => value) : own[0][1].split(',');
      else values[name] = own[0][1];
      reasons.push(...this.#check(schema, values[name], `query ${name}`));
    }
    reasons.push(...pairs.map(([name]) => `query ${name} is unknown`));
    return values;
  }

  #headers(parameters, headers, reasons) {
    for (const parameter of parameters.filter(({ in: place }) => place === 'header')) {
      const value = headers[parameter.name.toLowerCase()];
      if (value !== undefined) reasons.push(...this.#check(parameter.schema, value, `header ${parameter.name}`));
      else if (parameter.required) reasons.push(`header ${parameter.name} is missing`);
    }
  }

  // { content: type → schema, isRequired }
  #bodyOf({ operation }, parameters) {
    const fields = parameters.filter(({ in: place }) => place === 'formData');
    if (fields.length > 0) {
      const properties = Object.fromEntries(fields.map(({ name, schema }) => [name, schema]));
      const required = fields.filter((field) => field.required).map(({ name }) => name);
      const types = operation.consumes ?? this.description.document.consumes ?? [form];
      const schema = { type: 'object', properties, required };
      return { content: Object.fromEntries(types.map((type) => [type, schema])), isRequired: required.length > 0 };
    }
    const body = this.description.resolve(operation.requestBody);
    if (!body) return null;
    const content = Object.fromEntries(Object.entries(body.content).map(([type, { schema }]) => [type, schema]));
    return { content, isRequired: body.required === true };
  }

  #body(expected, request, reasons) {
    if (request.bytes.length === 0) {
      if (expected?.isRequired) reasons.push('the body is missing');
      return undefined;
    }
    if (!expected) {
      reasons.push('a body where none belongs');
      return undefined;
    }
    const contentType = request.headers['content-type'] ?? '';
    const type = contentType.split(';')[0].trim().toLowerCase();
    const schema = expected.content[type];
    if (!schema) {
      reasons.push(`the body is ${type || 'of no type'}, not ${Object.keys(expected.content).join(' or ')}`);
      return undefined;
    }
    const value = this.#parse(type, contentType, request.bytes, schema);
    const isText = !type.endsWith('json');
    reasons.push(...this.description.validator(schema, { isText })(value).map((reason) => `body: ${reason}`));
    return value;
  }

  #parse(type, contentType, bytes, schema) {
    if (type === form) return parseBrackets(parsePairs(bytes.toString()));
    if (type !== 'multipart/form-data') return JSON.parse(bytes.toString());
    const members = this.description.resolve(schema).properties;
    const value = {};
    for (const part of parseMultipart(contentType, bytes)) {
      const member = this.description.resolve(members[part.name] ?? {});
      if (part.name in value) throw new Error(`twice: ${part.name}`);
      const isFile = member.format === 'binary' || (member.anyOf ?? []).some((branch) => branch.format === 'binary');
      if (part.filename !== undefined && !isFile) throw new Error(`${part.name} is a file`);
      const isTree = member.type === 'object' || member.type === 'array';
      value[part.name] = isTree ? JSON.parse(part.bytes.toString()) : part.bytes.toString();
    }
    return value;
  }

  #reply(route, request) {
    const answer = this.answers[route.key];
    if (typeof answer === 'function') return { ...this.described(route), ...answer(request, () => this.described(route).body) };
    const described = this.described(route);
    return answer === undefined ? described : { ...described, body: answer };
  }

  // The first 2xx answer of the description.
  described({ operation }) {
    const code = Object.keys(operation.responses).filter((status) => /^2\d\d$/.test(status)).sort()[0] ?? '200';
    const response = this.description.resolve(operation.responses[code] ?? operation.responses.default);
    const content = response.content?.['application/json'];
    const examples = content ? [content.example, ...Object.values(content.examples ?? {}).map((example) => this.#exampleOf(example))] : [response.examples?.['application/json']];
    let body = examples.find((example) => example !== undefined);
    if (typeof body === 'string') body = JSON.parse(body);
    const schema = content?.schema ?? response.schema;
    if (body === undefined && schema) body = this.description.sample(schema);
    return { status: Number(code), body };
  }

  // GitHub refers to examples from where their value would stand.
  #exampleOf(example) {
    const { value } = this.description.resolve(example);
    return value?.$ref ? this.#exampleOf(value) : value;
  }
}
