// A service made from its GraphQL schema: documents and variables are held against it, and the answer is made by executing
// them, with values made up by type.
import { executeSync, getNamedType, getNullableType, GraphQLError, isEnumType, isListType, isObjectType, parse, validate } from 'graphql';
import { getVariableValues } from 'graphql/execution/values.js';
import { VendorServer } from './server.js';

const sampleTexts = { DateTime: '2026-11-20T10:00:00.000Z', TimelessDate: '2026-11-20', ID: 'f2a1f3de-0c5e-4a0b-9a6b-0c9c5a8a7b11' };
const samples = { Int: 7, Float: 7.5, Boolean: true, JSONObject: {} };

export class GraphqlVendor extends VendorServer {
  constructor(schema, { path, auth = {} }) {
    super();
    this.schema = schema;
    this.path = path;
    this.auth = auth;
  }

  examine(request) {
    const reasons = Object.entries(this.auth).flatMap(([name, value]) => (request.headers[name] === value ? [] : [`header ${name} is ${request.headers[name]}`]));
    if (request.method !== 'POST' || request.url !== this.path) return { key: null, reasons: [...reasons, `${request.method} ${request.url}`] };
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) reasons.push(`the body is ${request.headers['content-type']}`);
    const { query, variables = {}, ...rest } = JSON.parse(request.bytes.toString());
    reasons.push(...Object.keys(rest).map((name) => `body: ${name} is unknown`));
    const document = parse(query);
    reasons.push(...validate(this.schema, document).map((error) => error.message));
    const operation = document.definitions.find((definition) => definition.kind === 'OperationDefinition');
    reasons.push(...this.#variables(operation, variables));
    const key = operation.selectionSet.selections.map((selection) => selection.name.value).join();
    return { key, reasons, reply: () => ({ body: this.#execute(document, variables) }) };
  }

  #variables(operation, variables) {
    const definitions = operation.variableDefinitions ?? [];
    const declared = new Set(definitions.map((definition) => definition.variable.name.value));
    const unknown = Object.keys(variables).filter((name) => !declared.has(name)).map((name) => `variable ${name} is unknown`);
    const { errors = [] } = getVariableValues(this.schema, definitions, variables);
    return [...unknown, ...errors.map((error) => error.message)];
  }

  #execute(document, variables) {
    const isLast = Boolean(variables.after);
    const fieldResolver = (source, args, context, info) => {
      if (info.parentType.name === 'PageInfo') return { hasNextPage: !isLast, hasPreviousPage: isLast, startCursor: 'first', endCursor: 'cursor-of-the-last' }[info.fieldName];
      return this.#made(info.returnType, info.fieldName);
    };
    const { data, errors } = executeSync({ schema: this.schema, document, variableValues: variables, fieldResolver, rootValue: {} });
    if (errors) throw new GraphQLError(errors[0].message);
    return { data };
  }

  #made(type, name) {
    const bare = getNullableType(type);
    if (isListType(bare)) return [this.#made(bare.ofType, name), this.#made(bare.ofType, name)];
    if (isObjectType(bare)) return {};
    if (isEnumType(bare)) return bare.getValues()[0].value;
    const named = getNamedType(bare).name;
    return samples[named] ?? sampleTexts[named] ?? `a ${name}`;
  }
}
