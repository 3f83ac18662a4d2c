// How a webhook does, and its secret, which is shown once.
import { Button, Text } from '@mantine/core';
import type { Schemas } from '../../api/client';
import { Secret, Status, type Tone } from '../../parts/parts';

const statusWords: Record<Schemas['Webhook']['status'], [Tone, string]> = { new: ['plain', 'Nothing sent yet'], ok: ['good', 'Works'], failing: ['bad', 'Fails'], off: ['plain', 'Off'] };
export const WebhookStatus = ({ of }: { of: Schemas['Webhook']['status'] }) => <Status tone={statusWords[of][0]}>{statusWords[of][1]}</Status>;

export function SecretOnce({ secret, close }: { secret: string; close: () => void }) {
  return (
    <div className="hint" role="status">
      <Text size="sm" mb={8}>This is the secret that messages are signed with. It is shown this once: keep it where they are received.</Text>
      <Secret label="secret" value={secret} />
      <Button size="xs" variant="default" mt="sm" onClick={close}>I have copied it</Button>
    </div>
  );
}
