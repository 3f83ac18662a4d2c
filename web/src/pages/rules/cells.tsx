// A row's switches: one for each of what a tool does.
import { ActionIcon, SegmentedControl } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { everyDoes, type Choice, type Does, type Row } from './matrix';

export const doesWord: Record<Does, string> = { read: 'Read', write: 'Write', destroy: 'Destroy' };

// Of several that differ, `value` is null: none is chosen.
export function Switch({ value, label, off = 'Off', isFixed, onChange }: { value: Choice | null; label: string; off?: string; isFixed: boolean; onChange: (choice: Choice) => void }) {
  const choices: { value: Choice; label: string }[] = [{ value: 'none', label: off }, { value: 'allow', label: 'Allow' }, { value: 'deny', label: 'Deny' }];
  if (value === 'ask') choices.push({ value: 'ask', label: 'Ask' });
  return <SegmentedControl size="xs" data={choices} value={value ?? ''} aria-label={label} disabled={isFixed} onChange={(choice) => onChange(choice as Choice)} className="switch" data-choice={value ?? 'none'} transitionDuration={100} />;
}

export function Cells({ of, title, isFixed, onChange }: { of: (does: Does) => Choice | null; title: string; isFixed: boolean; onChange: (does: Does, choice: Choice) => void }) {
  return (
    <div className="matrix-cells">
      {everyDoes.map((does) => (
        <div key={does} className="matrix-cell">
          <span className="matrix-cell-name">{doesWord[does]}</span>
          <Switch value={of(does)} label={`${doesWord[does]} with ${title}`} isFixed={isFixed} onChange={(choice) => onChange(does, choice)} />
        </div>
      ))}
    </div>
  );
}

// The name of a row that is of several connections.
export function WideName({ title, onRemove }: { title: string; onRemove?: () => void }) {
  return (
    <span className="row" style={{ paddingLeft: 24, fontWeight: 500 }}>
      <span className="wrap">{title}</span>
      {onRemove && <ActionIcon variant="subtle" color="gray" c="inherit" size={22} aria-label={`Remove ${title}`} onClick={onRemove}><IconX size={16} /></ActionIcon>}
    </span>
  );
}

// A shortcut: what is chosen here is set in the row of each of its connectors, where it stands and can be changed.
export function CategoryRow({ title, rows, names, onChange, onRemove }: { title: string; rows: Row[]; names: string[]; onChange: (rows: Row[]) => void; onRemove: () => void }) {
  const of = (does: Does) => {
    const [first, ...others] = new Set(rows.map((row) => row.does[does] ?? 'none'));
    return first && !others.length ? first : null;
  };
  return (
    <div className="matrix-row">
      <div className="matrix-head">
        <div className="matrix-name">
          <WideName title={title} onRemove={onRemove} />
          <div className="dim small wrap" style={{ paddingLeft: 24 }}>sets {names.join(', ')}</div>
        </div>
        <Cells of={of} title={title} isFixed={false} onChange={(does, choice) => onChange(rows.map((row) => ({ ...row, does: { ...row.does, [does]: choice } })))} />
      </div>
    </div>
  );
}
