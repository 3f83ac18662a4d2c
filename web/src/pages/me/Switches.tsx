// Sources that I may use, and which of them I have switched off for my own assistants.
import { Switch, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, take, type Schemas } from '../../api/client';
import { useHere } from '../../api/session';
import { Empty, Initials, Lines, Loaded, toldProblem } from '../../parts/parts';

export function Switches() {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const queryKey = [organisation.id, 'me', 'switches'];
  const switches = useQuery({ queryKey, queryFn: () => take(api.GET('/organisations/{organisation}/me/switches', { params: { path: { organisation: organisation.id } } })) });
  const turn = useMutation({
    mutationFn: ({ connector, is_on }: { connector: string; is_on: boolean }) =>
      take(api.PUT('/organisations/{organisation}/me/switches/{connector}', { params: { path: { organisation: organisation.id, connector } }, body: { is_on } })),
    // It moves at once, and back again where it was refused.
    onMutate: async ({ connector, is_on }) => {
      await queries.cancelQueries({ queryKey });
      const before = queries.getQueryData<Schemas['SwitchPage']>(queryKey);
      if (before) queries.setQueryData(queryKey, { ...before, items: before.items.map((one) => (one.connector === connector ? { ...one, is_on } : one)) });
      return before;
    },
    onError: (error, _turned, before) => {
      queries.setQueryData(queryKey, before);
      toldProblem(error);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: [organisation.id] }),
  });
  return (
    <Loaded query={switches} waiting={<Lines n={2} />}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty>No role lets you use a source yet. Ask whoever manages Connek.</Empty>
        ) : (
          <>
            <Text size="sm" c="dimmed" mb="sm">Your assistants do not see what you switch off, from their next request on. It changes nothing for anybody else.</Text>
            <div className="table-box">
              {items.map(({ connector, name, is_on }) => (
                <div key={connector} className="tool-line" style={{ alignItems: 'center' }}>
                  <span className="row" style={{ gap: 12 }}>
                    <Initials of={name} />
                    <span className="wrap">{name}</span>
                  </span>
                  <Switch checked={is_on} onChange={(event) => turn.mutate({ connector, is_on: event.currentTarget.checked })} onLabel="On" offLabel="Off" size="md" aria-label={`Use ${name}`} />
                </div>
              ))}
            </div>
          </>
        )
      }
    </Loaded>
  );
}
