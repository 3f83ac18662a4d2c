// The API's reference, drawn from its own document as this server serves it.
import { Accordion, Badge, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, take } from '../../api/client';
import { CodeBlock, Empty, Json, Lines, Loaded } from '../../parts/parts';

interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  examples?: unknown[];
  oneOf?: Schema[];
  anyOf?: Schema[];
}
interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}
interface Operation {
  summary?: string;
  description?: string;
  operationId?: string;
  'x-permission'?: string;
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, { schema?: Schema }> };
  responses?: Record<string, { description?: string; content?: Record<string, { schema?: Schema }> }>;
}
interface Document {
  info?: { description?: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema>; parameters?: Record<string, Parameter> };
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const last = (ref: string) => ref.split('/').at(-1) ?? ref;

function typeOf(schema: Schema | undefined): string {
  if (!schema) return '';
  if (schema.$ref) return last(schema.$ref);
  if (schema.enum) return schema.enum.join(' | ');
  if (schema.items) return `${typeOf(schema.items)}[]`;
  if (schema.oneOf ?? schema.anyOf) return (schema.oneOf ?? schema.anyOf)!.map(typeOf).join(' | ');
  return [Array.isArray(schema.type) ? schema.type.join(' | ') : schema.type, schema.format].filter(Boolean).join(', ');
}

function Fields({ schema, document }: { schema: Schema; document: Document }) {
  const whole = schema.$ref ? document.components?.schemas?.[last(schema.$ref)] ?? schema : schema;
  const properties = Object.entries(whole.properties ?? {});
  if (!properties.length) return <Text size="sm"><code>{typeOf(schema)}</code></Text>;
  return (
    <div className="table-box">
      <table className="list">
        <thead><tr><th>Member</th><th>Type</th><th>What it is</th></tr></thead>
        <tbody>
          {properties.map(([name, property]) => (
            <tr key={name}>
              <td data-label="Member"><span><code>{name}</code>{whole.required?.includes(name) ? '' : <span className="dim"> optional</span>}</span></td>
              <td data-label="Type"><code>{typeOf(property)}</code></td>
              <td data-label="What it is">{property.description}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const bodyOf = (content: Record<string, { schema?: Schema }> | undefined) => Object.values(content ?? {})[0]?.schema;

function Whole({ path, method, operation, document }: { path: string; method: string; operation: Operation; document: Document }) {
  const parameters = (operation.parameters ?? []).map((one) => (one.$ref ? document.components?.parameters?.[last(one.$ref)] ?? one : one));
  const body = bodyOf(operation.requestBody?.content);
  const good = Object.entries(operation.responses ?? {}).find(([status]) => status.startsWith('2'));
  const answer = bodyOf(good?.[1].content);
  const example = body?.examples?.[0] ?? (body?.$ref ? document.components?.schemas?.[last(body.$ref)]?.examples?.[0] : undefined);
  const curl = `curl -X ${method.toUpperCase()} ${window.location.origin}/api/v1${path} \\\n  -H "Authorization: Bearer $CONNEK_KEY"${body ? ` \\\n  -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(example ?? {})}'` : ''}`;
  return (
    <Stack gap="sm">
      {operation.description && <Text size="sm">{operation.description}</Text>}
      {operation['x-permission'] && <Text size="sm" c="dimmed">Needs <code>{operation['x-permission']}</code>.</Text>}
      {parameters.length > 0 && (
        <Fields document={document} schema={{ properties: Object.fromEntries(parameters.map((one) => [one.name, { ...one.schema, description: [one.description, one.in === 'header' && 'A header.'].filter(Boolean).join(' ') }])), required: parameters.filter((one) => one.required).map(({ name }) => name) }} />
      )}
      {body && <><Text size="sm" fw={500}>Body</Text><Fields schema={body} document={document} /></>}
      {good && <><Text size="sm" fw={500}>Answer {good[0]}</Text>{answer ? <Fields schema={answer} document={document} /> : <Text size="sm" c="dimmed">Nothing.</Text>}</>}
      <CodeBlock label={`example of ${operation.operationId}`} text={curl} />
      {answer?.$ref && document.components?.schemas?.[last(answer.$ref)]?.examples?.[0] !== undefined && <Json label={`answer of ${operation.operationId}`} value={document.components.schemas[last(answer.$ref)]!.examples![0]} />}
    </Stack>
  );
}

export function Reference() {
  const [query, setQuery] = useState('');
  const document = useQuery({ queryKey: ['document'], queryFn: () => take(api.GET('/openapi.json', {})) as unknown as Promise<Document>, staleTime: Infinity });
  return (
    <Stack mt="md">
      <Loaded query={document} waiting={<Lines n={8} />}>
        {(data) => {
          const all = Object.entries(data.paths).flatMap(([path, operations]) => methods.filter((method) => operations[method]).map((method) => ({ path, method, operation: operations[method]! })));
          const wanted = query.trim().toLowerCase();
          const seen = all.filter(({ path, operation }) => !wanted || `${path} ${operation.summary ?? ''}`.toLowerCase().includes(wanted));
          return (
            <>
              <Text maw="80ch">{(data.info?.description ?? '').split('`').map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</Text>
              <Group justify="space-between">
                <TextInput aria-label="Search operations" placeholder="Search" leftSection={<IconSearch size={16} />} value={query} onChange={(event) => setQuery(event.currentTarget.value)} w={320} maw="100%" />
                <a href="/api/v1/openapi.json">OpenAPI document</a>
              </Group>
              {seen.length === 0 && <Empty>No operation is called that.</Empty>}
              <Accordion variant="contained" order={2} chevronPosition="left">
                {seen.map(({ path, method, operation }) => (
                  <Accordion.Item key={`${method} ${path}`} value={operation.operationId ?? path}>
                    <Accordion.Control>
                      <Group gap={10} wrap="wrap">
                        <Badge w={76} radius={4} color="gray" variant="outline" c="inherit">{method.toUpperCase()}</Badge>
                        <code className="wrap">{path}</code>
                        <Text size="sm" c="dimmed" component="span">{operation.summary}</Text>
                      </Group>
                    </Accordion.Control>
                    <Accordion.Panel><Whole path={path} method={method} operation={operation} document={data} /></Accordion.Panel>
                  </Accordion.Item>
                ))}
              </Accordion>
            </>
          );
        }}
      </Loaded>
    </Stack>
  );
}
