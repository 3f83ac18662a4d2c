// A personal URL, or an API key, as it is shown the one time: with how each client is told.
import { Select, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { Schemas } from '../api/client';
import { CodeBlock, Secret } from './parts';
import { snippets } from './snippets';

export function NewToken({ made }: { made: Schemas['NewAccessToken'] }) {
  const [client, setClient] = useState('claude');
  const snippet = snippets.find(({ id }) => id === client) ?? snippets[0]!;
  const isUrl = made.token.kind === 'url';
  const shown = (isUrl ? made.url : made.secret) ?? '';
  return (
    <Stack gap="sm">
      <Text size="sm">
        {isUrl
          ? 'This is the personal URL. Whoever has it may do what its person may do, so it belongs into their assistant and nowhere else. It is shown this once.'
          : 'This is the key. It is shown this once. Send it as Authorization: Bearer, or as X-API-Key, to the MCP endpoint.'}
      </Text>
      <Secret label={isUrl ? 'personal URL' : 'key'} value={shown} />
      {!isUrl && made.url && <Text size="sm" c="dimmed">MCP endpoint: <code>{made.url}</code></Text>}
      {isUrl && (
        <>
          <Select label="Their assistant" data={snippets.map(({ id, name }) => ({ value: id, label: name }))} value={client} onChange={(value) => value && setClient(value)} allowDeselect={false} />
          <Text size="sm">{snippet.where}</Text>
          <CodeBlock label={`what ${snippet.name} is given`} text={snippet.text(shown)} />
        </>
      )}
    </Stack>
  );
}
