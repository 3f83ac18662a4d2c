// A configuration file, applied: what would change is shown first, and what is wrong with it where it is wrong.
import { Button, Checkbox, Drawer, FileButton, Group, Stack, Text } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, take } from '../../api/client';
import { useHere } from '../../api/session';
import { Editor } from '../../editor/Editor';
import { useMarks, Wrongs } from '../../editor/wrongs';
import { useForm } from '../../parts/form';
import { ProblemBox, told } from '../../parts/parts';
import { counted } from '../../parts/words';

const fileMax = 4 * 1024 * 1024;
const signWord: Record<string, string> = { '+': 'New', '~': 'Changed', '-': 'Removed' };

const isChange = (line: string) => (line[0] ?? '') in signWord && line[1] === ' ';
const keptName = (line: string) => /not in the file: (.+) \(kept/.exec(line)?.[1];

function Changes({ lines, kept }: { lines: string[]; kept: string[] }) {
  return (
    <>
      {lines.length ? <List lines={lines} /> : <Text size="sm" role="status">Nothing would change: the organisation is as the file says.</Text>}
      {kept.length > 0 && <Text size="sm" c="dimmed" lineClamp={3}>Not in the file, and kept: {kept.join(', ')}.</Text>}
    </>
  );
}

function List({ lines }: { lines: string[] }) {
  return (
    <div className="table-box" role="list" aria-label="What would change" tabIndex={0} style={{ maxHeight: 260, overflow: 'auto', flex: 'none' }}>
      {lines.map((line, i) => (
        <div key={i} role="listitem" className="change-line" data-sign={line[0]}>
          <span className="change-sign">{signWord[line[0] ?? ''] ?? ''}</span>
          <span className="wrap">{line.slice(2)}</span>
        </div>
      ))}
    </div>
  );
}

interface Typed {
  text: string;
  may_prune: boolean;
}

export function ApplyDrawer({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const form = useForm<Typed>({ text: '', may_prune: false });
  const marks = useMarks(form.problem, '/config');
  // What would change, of exactly this text.
  const [trial, setTrial] = useState<(Typed & { changes: string[]; kept: string[] }) | null>(null);
  const { text, may_prune } = form.values;
  const isShown = trial !== null && trial.text === text && trial.may_prune === may_prune;

  const post = async (is_trial: boolean) => {
    let config: Record<string, unknown>;
    try {
      config = JSON.parse(text);
    } catch (error) {
      throw new Error(`This is not JSON: ${(error as Error).message}`);
    }
    if (typeof config !== 'object' || config === null || Array.isArray(config)) throw new Error('A configuration is a JSON object, in braces.');
    return take(api.POST('/organisations/{organisation}/config', { params: { path: { organisation: organisation.id } }, body: { config, may_prune, is_trial } }));
  };
  const look = () =>
    form.send(async () => {
      setTrial(null);
      const { changes } = await post(true);
      setTrial({ text, may_prune, changes: changes.filter(isChange), kept: changes.flatMap((line) => keptName(line) ?? []) });
    });
  const apply = () =>
    form.send(async () => {
      const { changes } = await post(false);
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told(`${counted(changes.filter(isChange).length, 'change')} applied. They hold from the next call on.`);
      form.set('text', '');
      setTrial(null);
      close();
    });
  const read = async (file: File | null) => {
    if (!file) return;
    if (file.size > fileMax) form.setError(new Error('This file is larger than 4 MiB: it is no configuration.'));
    else form.set('text', await file.text());
  };

  return (
    <Drawer opened={isOpen} onClose={close} size={720} title={<Text fw={600} fz={16}>Apply a configuration file</Text>}>
      <Stack>
        <Text size="sm">All of it is applied or nothing. What would change is shown before anything does.</Text>
        <Group gap={8}>
          <FileButton accept="application/json,.json" onChange={(file) => void read(file)}>
            {(props) => <Button {...props} size="xs" variant="default" leftSection={<IconUpload size={14} />}>Open a file</Button>}
          </FileButton>
          <Text size="sm" c="dimmed">or paste it here:</Text>
        </Group>
        <Editor label="Configuration" min={220} max={isShown ? 260 : 460} value={text} onChange={(value) => form.set('text', value)} marks={marks} />
        <Checkbox label="Remove what the file does not name" description="Users, roles and sources that it leaves out are deleted." checked={may_prune} onChange={(event) => form.set('may_prune', event.currentTarget.checked)} />
        <Wrongs marks={marks} />
        {form.error !== null && <ProblemBox error={form.error} />}
        {form.problem && marks.length === 0 && form.error === null && <ProblemBox error={form.problem} />}
        {isShown && <Changes lines={trial.changes} kept={trial.kept} />}
        <Group justify="flex-end">
          <Button variant={isShown ? 'default' : 'filled'} loading={form.isBusy && !isShown} disabled={!text.trim()} onClick={() => void look()}>Show what would change</Button>
          {isShown && trial.changes.length > 0 && (
            <Button color={may_prune ? 'red.9' : undefined} loading={form.isBusy} onClick={() => void apply()}>Apply {counted(trial.changes.length, 'change')}</Button>
          )}
        </Group>
      </Stack>
    </Drawer>
  );
}
