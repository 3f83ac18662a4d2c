// Browsers in which somebody is signed in, and the end of it.
import { Button, Text } from '@mantine/core';
import type { Schemas } from '../api/client';
import { Status, Time } from './parts';

type Session = Schemas['BrowserSession'];

const agentWords = (agent: string) => {
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Windows|Mac OS X|Android|iPhone|Linux)/.exec(agent)?.[1];
  return browser ? `${{ Edg: 'Edge', OPR: 'Opera' }[browser] ?? browser}${system ? ` on ${system === 'Mac OS X' ? 'macOS' : system}` : ''}` : agent.slice(0, 60) || 'A browser';
};

export function Browsers({ sessions, end }: { sessions: readonly Session[]; end: ((session: string) => void) | undefined }) {
  return (
    <div className="table-box">
      {sessions.map((session) => (
        <div key={session.id} className="tool-line">
          <div style={{ minWidth: 0 }}>
            <Text size="sm" fw={500}>{agentWords(session.agent)}</Text>
            <Text size="sm" c="dimmed">seen <Time of={session.seen_at} /></Text>
          </div>
          {session.is_this ? <Status tone="good">This one</Status> : end && <Button size="compact-xs" variant="default" onClick={() => end(session.id)}>Sign out</Button>}
        </div>
      ))}
    </div>
  );
}
