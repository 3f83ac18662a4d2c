// How long audit records are kept. To keep them for a shorter time is asked for twice: what goes does not come back.
import { Button, Group, NumberInput, Stack, Switch, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, take, type Schemas } from '../../api/client';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { Confirm, ProblemBox, told, type Asking } from '../../parts/parts';
import { count, counted } from '../../parts/words';

const dayMs = 86_400_000;
const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);
// Whole days of UTC, as the server removes them.
const endOf = (days: number) => (Math.floor(Date.now() / dayMs) - days) * dayMs;

export function whatIsGone({ removed, first_at }: Schemas['Settings']['audit']) {
  return `${counted(removed, 'record')} from before ${first_at ? dayOf(Date.parse(first_at)) : 'today'} ${removed === 1 ? 'was' : 'were'} removed, as the settings say.`;
}

function Kept({ audit }: { audit: Schemas['Settings']['audit'] }) {
  return (
    <Text size="sm">
      {audit.retention_days === null ? 'Records are kept for ever.' : `Records are kept for ${count(audit.retention_days)} days.`}
      {audit.first_at && ` The oldest one is of ${dayOf(Date.parse(audit.first_at))}.`}
      {audit.removed > 0 && ` ${whatIsGone(audit)}`}
    </Text>
  );
}

export function Records({ settings, setTyped }: { settings: Schemas['Settings']; setTyped: (is: boolean) => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const { audit } = settings;
  const form = useForm({ isForEver: audit.retention_days === null, days: (audit.retention_days ?? 365) as number | string });
  const [asking, setAsking] = useState<Asking | null>(null);
  const wanted = form.values.isForEver ? null : Number(form.values.days);
  const save = () =>
    form.send(async () => {
      await take(api.PATCH('/organisations/{organisation}/settings', { params: { path: { organisation: organisation.id }, header: { 'If-Match': settings.etag } }, body: { audit_retention_days: wanted } }));
      setTyped(false);
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told(wanted === null ? 'Saved. Nothing more is removed.' : 'Saved. What is older is removed from an hour from now on.');
    });
  const ask = () => {
    const isShorter = wanted !== null && (audit.retention_days === null || wanted < audit.retention_days);
    const first = audit.first_at ? Date.parse(audit.first_at) : Date.now();
    if (!isShorter) return void save();
    const what = first < endOf(wanted) ? `Records from ${dayOf(first)} to ${dayOf(endOf(wanted) - dayMs)} will be removed` : 'No record is that old yet; each will be removed when it is';
    setAsking({
      title: `Keep records for ${count(wanted)} days only?`,
      text: `${what}, for good, from an hour from now on. Until then it can be taken back here. Counts of calls stay; a signed note of what was removed stands in its place.`,
      verb: 'Keep them for that long',
      run: save,
    });
  };
  if (organisation.kind !== 'owner') return <Kept audit={audit} />;
  return (
    <form onSubmit={(event) => { event.preventDefault(); ask(); }}>
      <Stack gap="sm" maw={380}>
        <Kept audit={audit} />
        <Switch label="Keep records for ever" checked={form.values.isForEver} onChange={(event) => { setTyped(true); form.set('isForEver', event.currentTarget.checked); }} />
        {!form.values.isForEver && <NumberInput label="Days to keep records" description="30 at least. What your law or your auditors ask for counts." min={30} max={36_500} thousandSeparator="," value={form.values.days} error={form.fields.audit_retention_days} onChange={(value) => { setTyped(true); form.set('days', value); }} />}
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group><Button type="submit" variant="default" loading={form.isBusy} disabled={wanted === audit.retention_days || (wanted !== null && !wanted)}>Save</Button></Group>
      </Stack>
      <Confirm asking={asking} close={() => setAsking(null)} />
    </form>
  );
}
