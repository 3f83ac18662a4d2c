// A GraphQL schema read back from the TypeScript types that graphql-codegen made of it, for services whose package has the
// types and not the schema. It must know no service. What the types do not tell (interfaces, unions, defaults) is left out:
// the fields that need it are absent, and a document that asks for them is refused.
import {
  GraphQLBoolean, GraphQLEnumType, GraphQLFloat, GraphQLID, GraphQLInputObjectType, GraphQLInt, GraphQLList, GraphQLNonNull,
  GraphQLObjectType, GraphQLScalarType, GraphQLSchema, GraphQLString,
} from 'graphql';

const builtIn = { ID: GraphQLID, String: GraphQLString, Boolean: GraphQLBoolean, Int: GraphQLInt, Float: GraphQLFloat };

// Each `type X = A & { ... };` as name → [{ name, type }].
function readTypes(text) {
  const types = new Map();
  for (const [, name, body] of text.matchAll(/^type (\w+) = (?:\w+ & )*\{\n([\s\S]*?)^\};/gm)) {
    if (types.has(name)) continue; // the schema's types stand before those of documents
    const fields = [...body.matchAll(/^ {2}(\w+)\??: (.+);$/gm)].map(([, field, type]) => ({ name: field, type }));
    types.set(name, fields.filter((field) => field.name !== '__typename'));
  }
  return types;
}

function readEnums(text) {
  const enums = new Map();
  for (const [, name, body] of text.matchAll(/^declare enum (\w+) \{\n([\s\S]*?)^\}/gm))
    enums.set(name, [...body.matchAll(/^ {2}\w+ = "([^"]+)"/gm)].map(([, value]) => value));
  return enums;
}

export function schemaFromTypes(text) {
  const types = readTypes(text);
  const enums = readEnums(text);
  const made = new Map();
  const once = (key, make) => {
    if (!made.has(key)) made.set(key, make());
    return made.get(key);
  };

  // "Maybe<Array<Scalars["String"]>>" as a type; null where a part of it is not known. `named` makes the named ones.
  function read(type, named) {
    const maybe = /^(?:Input)?Maybe<(.+)>$/.exec(type);
    if (maybe) return readBare(maybe[1], named);
    const bare = readBare(type, named);
    return bare && new GraphQLNonNull(bare);
  }

  function readBare(type, named) {
    const list = /^Array<(.+)>$/.exec(type);
    if (list) {
      const item = read(list[1], named);
      return item && new GraphQLList(item);
    }
    const scalar = /^Scalars\["(\w+)"\]$/.exec(type)?.[1];
    if (scalar) return builtIn[scalar] ?? once(scalar, () => new GraphQLScalarType({ name: scalar }));
    if (enums.has(type)) return once(type, () => new GraphQLEnumType({ name: type, values: Object.fromEntries(enums.get(type).map((value) => [value, {}])) }));
    return types.has(type) && types.get(type).length > 0 ? named(type) : null;
  }

  const known = (pairs) => Object.fromEntries(pairs.filter(([, field]) => field.type));
  const input = (name) =>
    once(name, () => new GraphQLInputObjectType({ name, fields: () => known(types.get(name).map((field) => [field.name, { type: read(field.type, input) }])) }));

  function args(owner, field) {
    const name = `${owner}${field[0].toUpperCase()}${field.slice(1)}Args`;
    return known((types.get(name) ?? []).map((arg) => [arg.name, { type: read(arg.type, input) }]));
  }

  const output = (name) =>
    once(name, () =>
      new GraphQLObjectType({
        name,
        fields: () => known(types.get(name).map((field) => [field.name, { type: read(field.type, output), args: args(name, field.name) }])),
      }));

  return new GraphQLSchema({ query: output('Query'), mutation: output('Mutation') });
}
