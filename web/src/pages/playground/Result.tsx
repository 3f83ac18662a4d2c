// What a tool answered, as what it is: rows as a table, JSON in colours, images as images, a failure as one. The whole of
// it stands behind a tab, as clients get it.
import { Button, Stack, Tabs, Text } from '@mantine/core';
import type { Schemas } from '../../api/client';
import { CodeBlock, Fact, Facts, Json } from '../../parts/parts';
import { capital, count } from '../../parts/words';
import { rowsOf, type Rows } from './rows';

// MCP's content blocks, as far as a page can show them; each member may be missing, for a server wrote them.
interface Block {
  type?: string;
  text?: string;
  data?: string;
  mimeType?: string;
  name?: string;
  title?: string;
  uri?: string;
  description?: string;
  resource?: { uri?: string; mimeType?: string; text?: string; blob?: string };
}

const rowsShown = 200;
const images = /^image\/(png|jpeg|gif|webp|avif|svg\+xml)$/;

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
const isWorthColours = (value: unknown): value is object => typeof value === 'object' && value !== null;

function Cell({ value }: { value: unknown }) {
  if (value === undefined || value === null) return <span className="dim">none</span>;
  if (typeof value === 'object') return <code className="small">{JSON.stringify(value)}</code>;
  return <>{String(value)}</>;
}

function Table({ rows: { columns, rows, rest } }: { rows: Rows }) {
  const isNumbers = columns.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  const shown = rows.slice(0, rowsShown);
  const facts = rest.filter(([, value]) => value !== null && typeof value !== 'object');
  return (
    <Stack gap="sm">
      <div className="table-box scrolls" tabIndex={0} role="region" aria-label="Rows of the result">
        <table className="list">
          <thead><tr>{columns.map((name, i) => <th key={i} className={isNumbers[i] ? 'end' : undefined}>{name}</th>)}</tr></thead>
          <tbody>
            {shown.map((row, at) => (
              <tr key={at}>{columns.map((name, i) => <td key={i} data-label={name} className={isNumbers[i] ? 'end nums' : undefined}><Cell value={row[i]} /></td>)}</tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <Text size="sm" c="dimmed" p="sm">No row.</Text>}
      </div>
      {rows.length > rowsShown && <Text size="sm" c="dimmed">These are the first {count(rowsShown)} of {count(rows.length)} rows. All of them stand in Result.</Text>}
      {facts.length > 0 && <Facts>{facts.map(([name, value]) => <Fact key={name} name={capital(name)}><Cell value={value} /></Fact>)}</Facts>}
    </Stack>
  );
}

// Bytes that no page shows: to be saved, never opened here.
function File({ data, type, name }: { data: string; type: string; name: string }) {
  const save = () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type: 'application/octet-stream' }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return <div><Text size="sm" mb={6}>{name}, {type || 'of no known type'}, about {count(Math.ceil((data.length * 3) / 4096))} KiB</Text><Button size="xs" variant="default" onClick={save}>Save it</Button></div>;
}

function Bytes({ data, type, name }: { data: string; type: string; name: string }) {
  if (!images.test(type)) return <File data={data} type={type} name={name} />;
  return <div><img className="result-image" src={`data:${type};base64,${data}`} alt={`The result: ${name}`} /></div>;
}

function TextBlock({ text, isError }: { text: string; isError: boolean }) {
  const value = parsed(text);
  if (isWorthColours(value)) return <Json label="Text of the result" value={value} />;
  if (isError) return <div className="problem" role="alert" aria-label="Text of the result" style={{ whiteSpace: 'pre-wrap' }}>{text}</div>;
  return <CodeBlock label="Text of the result" text={text} />;
}

function BlockView({ block, isError }: { block: Block; isError: boolean }) {
  const { type, text, data, mimeType = '', resource, uri, name, title, description } = block;
  if (type === 'text' && text !== undefined) return <TextBlock text={text} isError={isError} />;
  if (data !== undefined) return <Bytes data={data} type={mimeType} name={type === 'audio' ? 'sound' : 'image'} />;
  if (type === 'resource' && resource) {
    return (
      <div>
        <Text size="sm" c="dimmed" mb={6} className="wrap">{resource.uri}</Text>
        {resource.text !== undefined && <TextBlock text={resource.text} isError={false} />}
        {resource.blob !== undefined && <Bytes data={resource.blob} type={resource.mimeType ?? ''} name="resource" />}
      </div>
    );
  }
  if (type === 'resource_link') return <Facts><Fact name="Resource">{title ?? name} <span className="dim wrap">{uri}</span>{description && <div className="dim small">{description}</div>}</Fact></Facts>;
  return <Json label="part of the result" value={block} />;
}

const blocksOf = (result: Record<string, unknown> | null): Block[] => (Array.isArray(result?.content) ? (result.content as Block[]).filter(isWorthColours) : []);

// Structured as the tool says, or a text that is JSON.
function tableOf(result: Record<string, unknown> | null): Rows | null {
  if (!result || result.isError === true) return null;
  const [first, ...others] = blocksOf(result);
  return rowsOf(result.structuredContent) ?? (first?.text !== undefined && !others.length ? rowsOf(parsed(first.text)) : null);
}

export function Result({ answer: { result, is_error: isError, text }, request }: { answer: Schemas['CallResult']; request: Record<string, unknown> }) {
  const blocks = blocksOf(result).filter((block) => block.text === undefined || block.text !== text);
  const table = tableOf(result);
  return (
    <Tabs defaultValue={table ? 'table' : blocks.length ? 'text' : 'result'} keepMounted={false}>
      <Tabs.List mb="sm">
        {table && <Tabs.Tab value="table">Table</Tabs.Tab>}
        {blocks.length > 0 && <Tabs.Tab value="text">What the assistant reads</Tabs.Tab>}
        <Tabs.Tab value="result">Result</Tabs.Tab>
        <Tabs.Tab value="request">Request</Tabs.Tab>
      </Tabs.List>
      {table && <Tabs.Panel value="table"><Table rows={table} /></Tabs.Panel>}
      <Tabs.Panel value="text"><Stack gap="sm">{blocks.map((block, i) => <BlockView key={i} block={block} isError={isError} />)}</Stack></Tabs.Panel>
      <Tabs.Panel value="result">{result ? <Json label="result" value={result} /> : <Text size="sm" c="dimmed">There is no result.</Text>}</Tabs.Panel>
      <Tabs.Panel value="request"><Json label="request" value={request} /></Tabs.Panel>
    </Tabs>
  );
}
