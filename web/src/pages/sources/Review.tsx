// What an MCP server offers and nobody has decided on: new definitions, and changed ones with their difference.
import { Button, Checkbox, Group, Select, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, take, type Schemas } from '../../api/client';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { Empty, Json, Loaded, ProblemBox, Status, told } from '../../parts/parts';
import { counted } from '../../parts/words';
import { Difference } from './Difference';

type Item = Schemas['ReviewItem'];
type Does = 'read' | 'write' | 'destroy';

// As it was decided before; else as its server says; and where that says nothing, the worst.
const proposed = (item: Item): Does => item.does ?? (['read', 'write', 'destroy'].find((one) => one === item.hint) as Does | undefined) ?? 'destroy';

const kindWord: Record<Item['kind'], string> = { tool: 'Tool', resource: 'Resource', template: 'Resources', prompt: 'Prompt', instructions: 'Instructions' };

function ItemCard({ item, isChosen, does, onChoose, onDoes }: { item: Item; isChosen: boolean; does: Does; onChoose: (is: boolean) => void; onDoes: (does: Does) => void }) {
  const [isOpen, setOpen] = useState(false);
  const text = typeof item.definition.description === 'string' ? item.definition.description : '';
  return (
    <div className="card">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Checkbox checked={isChosen} onChange={(event) => onChoose(event.currentTarget.checked)} label={<span className="wrap"><b>{item.name}</b> <span className="dim">{kindWord[item.kind]}</span></span>} />
        <Status tone={item.status === 'quarantined' ? 'bad' : 'warn'}>{item.status === 'quarantined' ? 'Changed' : 'New'}</Status>
      </Group>
      {text && !item.difference.length && <Text size="sm" mt={8} className="wrap">{text}</Text>}
      {item.notes.map((note) => <Text key={note} size="sm" mt={4} c="var(--connek-warn)">{note}</Text>)}
      {item.difference.length > 0 && <Difference lines={item.difference} />}
      <Group mt={10} gap={8}>
        {item.kind === 'tool' && (
          <Select
            size="xs"
            w={210}
            aria-label={`What ${item.name} does`}
            data={[{ value: 'read', label: 'It reads' }, { value: 'write', label: 'It changes something' }, { value: 'destroy', label: 'It destroys something' }]}
            value={does}
            allowDeselect={false}
            onChange={(value) => value && onDoes(value as Does)}
          />
        )}
        <Button size="xs" variant="subtle" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>{isOpen ? 'Hide the definition' : 'Whole definition'}</Button>
      </Group>
      {item.hint && <Text size="xs" c="dimmed" mt={4}>Its server says: {item.hint}.</Text>}
      {isOpen && <div style={{ marginTop: 8 }}><Json label={`definition of ${item.name}`} value={item.definition} /></div>}
    </div>
  );
}

export function Review({ connection }: { connection: string }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const items = useQuery({
    queryKey: [organisation.id, 'review', connection],
    queryFn: () => take(api.GET('/organisations/{organisation}/review', { params: { path: { organisation: organisation.id }, query: { connection, limit: 200 } as never } })),
  });
  const [chosen, setChosen] = useState<string[] | null>(null);
  const [does, setDoes] = useState<Record<string, Does>>({});
  const form = useForm({});
  const decide = (all: Item[], is_accepted: boolean) =>
    form.send(async () => {
      const decisions = all.map((item) => ({ item: item.id, is_accepted, ...(is_accepted && item.kind === 'tool' && { does: does[item.id] ?? proposed(item) }) }));
      await take(api.POST('/organisations/{organisation}/review', { params: { path: { organisation: organisation.id } }, body: { decisions } }));
      setChosen(null);
      told(`${counted(all.length, 'definition')} ${is_accepted ? 'accepted' : 'rejected'}.`);
      await queries.invalidateQueries({ queryKey: [organisation.id] });
    });
  return (
    <Loaded query={items}>
      {({ items: waiting }) => {
        if (!waiting.length) return <Empty>Everything is decided on.</Empty>;
        const isChosen = (item: Item) => chosen === null || chosen.includes(item.id);
        const picked = waiting.filter(isChosen);
        return (
          <Stack>
            <Text size="sm" c="dimmed">
              Assistants see none of these before you accept them. {waiting.some(({ status }) => status === 'quarantined') && 'What has changed since it was accepted is hidden from them until you decide. '}
              Read what is written to the assistant: it is the server’s own text.
            </Text>
            {waiting.map((item) => (
              <ItemCard
                key={item.id}
                item={item}
                isChosen={isChosen(item)}
                does={does[item.id] ?? proposed(item)}
                onChoose={(is) => setChosen(waiting.filter((one) => (one.id === item.id ? is : isChosen(one))).map(({ id }) => id))}
                onDoes={(value) => setDoes({ ...does, [item.id]: value })}
              />
            ))}
            {form.error !== null && <ProblemBox error={form.error} />}
            {may('connections:write') && (
              <Group justify="flex-end" className="stick-bottom">
                <Button variant="default" disabled={!picked.length} loading={form.isBusy} onClick={() => void decide(picked, false)}>Reject {picked.length}</Button>
                <Button disabled={!picked.length} loading={form.isBusy} onClick={() => void decide(picked, true)}>Accept {picked.length}</Button>
              </Group>
            )}
          </Stack>
        );
      }}
    </Loaded>
  );
}
