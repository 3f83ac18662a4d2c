// The small pieces that every page is made of.
import { ActionIcon, Button, CopyButton, Group, Modal, Skeleton, Stack, Text, TextInput, Title, Tooltip } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState, type ReactNode } from 'react';
import { textOf } from '../api/client';
import type { Schemas } from '../api/client';
import { indented, JsonText } from './JsonText';
import { ago, exact, hueOf, initials, milliseconds } from './words';

export function PageHead({ title, lead, children }: { title: string; lead: string; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Connek`;
  }, [title]);
  return (
    <div className="page-head">
      <div>
        <Title order={1}>{title}</Title>
        <p>{lead}</p>
      </div>
      {children && <div className="page-actions">{children}</div>}
    </div>
  );
}

export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="section">
      <div className="section-head">
        <Title order={2} fz={16}>{title}</Title>
        {aside && <div>{aside}</div>}
      </div>
      {children}
    </section>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'plain';
const shapes: Record<Tone, string> = { good: 'circle', warn: 'diamond', bad: 'square', accent: 'ring', plain: 'ring' };

// Colour, word and shape.
export function Status({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className="status" data-tone={tone}>
      <span className="dot" data-shape={shapes[tone]} aria-hidden="true" />
      {children}
    </span>
  );
}

const health: Record<Schemas['Health'], [Tone, string]> = {
  active: ['good', 'Works'],
  expiring: ['warn', 'Ends soon'],
  reconnect: ['bad', 'Reconnect'],
  error: ['bad', 'Fails'],
  disconnected: ['plain', 'Disconnected'],
  own: ['good', 'Connected'],
  new: ['warn', 'Not connected yet'],
  none: ['good', 'Connected'],
};
export const HealthStatus = ({ of }: { of: Schemas['Health'] }) => <Status tone={health[of][0]}>{health[of][1]}</Status>;
export const needsAttention = (status: Schemas['Health']): boolean => ['expiring', 'reconnect', 'error', 'new'].includes(status);

const does: Record<Schemas['Does'], [Tone, string]> = { read: ['plain', 'Read'], write: ['warn', 'Write'], destroy: ['bad', 'Destroy'] };
export const DoesBadge = ({ of }: { of: string | null }) => {
  const [tone, word] = does[of as Schemas['Does']] ?? ['plain', of ?? ''];
  return word ? <Status tone={tone}>{word}</Status> : null;
};

const outcomes: Record<string, [Tone, string]> = { ok: ['good', 'Allowed'], error: ['bad', 'Error'], cancelled: ['plain', 'Cancelled'], unknown: ['warn', 'Unknown'], none: ['plain', 'Not run'] };
export function CallStatus({ of }: { of: Pick<Schemas['AuditRecord'], 'decision' | 'outcome'> }) {
  if (of.decision === 'denied') return <Status tone="bad">Denied</Status>;
  const [tone, word] = outcomes[of.outcome] ?? ['plain', of.outcome];
  return <Status tone={tone}>{word}</Status>;
}

export function Time({ of, none = 'never' }: { of: string | null | undefined; none?: string }) {
  if (!of) return <span className="dim">{none}</span>;
  return (
    <Tooltip label={exact(of)}>
      <time dateTime={of}>{ago(of)}</time>
    </Tooltip>
  );
}

export const Used = ({ at }: { at: string | null | undefined }) => (at ? <>used <Time of={at} /></> : <>never used</>);

export const Duration = ({ ms }: { ms: number }) => <span className="nums">{milliseconds(ms)}</span>;

export const Initials = ({ of }: { of: string }) => <span className="initials" data-hue={hueOf(of)} aria-hidden="true">{initials(of)}</span>;

// client=Globex, as rules name it.
export const Labels = ({ of }: { of: Record<string, string> }) => (
  <span className="chips">
    {Object.entries(of).map(([name, value]) => <span key={name} className="chip">{name}={value}</span>)}
  </span>
);

export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <p className="dim">{children}</p>
      {action}
    </div>
  );
}

export function ProblemBox({ error, again }: { error: unknown; again?: () => void }) {
  return (
    <div className="problem" role="alert">
      <Group gap={8} wrap="nowrap" align="flex-start">
        <IconAlertTriangle size={18} aria-hidden="true" style={{ flex: 'none', marginTop: 1 }} />
        <div>
          {textOf(error)}
          {again && (
            <div>
              <Button size="xs" variant="default" mt={8} onClick={again}>Try again</Button>
            </div>
          )}
        </div>
      </Group>
    </div>
  );
}

export const Lines = ({ n = 4, height = 40 }: { n?: number; height?: number }) => (
  <Stack gap={8} aria-busy="true" aria-label="Loading">
    {Array.from({ length: n }, (_, i) => <Skeleton key={i} height={height} />)}
  </Stack>
);

export const CardLines = ({ n = 6, height = 112 }: { n?: number; height?: number }) => (
  <div className="cards" aria-busy="true" aria-label="Loading">
    {Array.from({ length: n }, (_, i) => <Skeleton key={i} height={height} />)}
  </div>
);

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

// What comes, while it comes, or what went wrong.
export function Loaded<T>({ query, waiting, children }: { query: Asked<T>; waiting?: ReactNode; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isPending) return <>{waiting ?? <Lines />}</>;
  return <ProblemBox error={query.error} again={() => void query.refetch()} />;
}

// Shown once, to be copied.
export function Secret({ label, value }: { label: string; value: string }) {
  return (
    <div className="secret">
      <code data-secret>{value}</code>
      <CopyButton value={value} timeout={2000}>
        {({ copied, copy }) => (
          <Button size="xs" variant={copied ? 'light' : 'filled'} onClick={copy} leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />} aria-label={`Copy ${label}`}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </div>
  );
}

export function CodeBlock({ text, label, children }: { text: string; label: string; children?: ReactNode }) {
  return (
    <div style={{ position: 'relative' }}>
      <pre className="code" tabIndex={0} aria-label={label} style={{ paddingRight: 44 }}>{children ?? text}</pre>
      <CopyButton value={text} timeout={2000}>
        {({ copied, copy }) => (
          <ActionIcon variant="default" onClick={copy} aria-label={copied ? 'Copied' : `Copy ${label}`} style={{ position: 'absolute', top: 8, right: 8 }}>
            {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          </ActionIcon>
        )}
      </CopyButton>
    </div>
  );
}

export function Json({ value, label }: { value: unknown; label: string }) {
  const text = indented(value);
  return <CodeBlock label={label} text={text}><JsonText text={text} /></CodeBlock>;
}

export function Facts({ children }: { children: ReactNode }) {
  return <dl className="facts">{children}</dl>;
}
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

export const told = (message: string) => notifications.show({ message, autoClose: 4000 });
export const toldProblem = (error: unknown) => notifications.show({ message: textOf(error), color: 'red', autoClose: 8000 });

export interface Asking {
  title: string;
  text: ReactNode;
  verb: string;
  // Where it hurts: what has to be typed.
  name?: string;
  run: () => Promise<unknown>;
}

// Says what will be lost, and asks.
export function Confirm({ asking, close }: { asking: Asking | null; close: () => void }) {
  const [typed, setTyped] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    setTyped('');
    setError(null);
  }, [asking]);
  const run = async () => {
    if (!asking) return;
    setBusy(true);
    setError(null);
    try {
      await asking.run();
      close();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={asking !== null} onClose={close} title={<Text fw={600}>{asking?.title}</Text>} centered>
      <Stack>
        <div>{asking?.text}</div>
        {asking?.name && <TextInput label={`Type ${asking.name} to go on`} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} autoComplete="off" />}
        {error !== null && <ProblemBox error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>Keep it</Button>
          <Button color="red.9" loading={isBusy} disabled={asking?.name !== undefined && typed !== asking.name} onClick={() => void run()}>{asking?.verb}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
