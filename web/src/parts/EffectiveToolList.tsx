// Tools that somebody may use, or may not, each as a sentence; grouped by connection.
import { Text } from '@mantine/core';
import type { Schemas } from '../api/client';
import { DoesBadge, Empty, Status } from './parts';

type Tool = Schemas['EffectiveTool'];

export function EffectiveToolList({ tools, query, showsDenied }: { tools: Tool[]; query: string; showsDenied: boolean }) {
  const wanted = query.trim().toLowerCase();
  const seen = tools.filter((tool) => (showsDenied || tool.is_allowed) && (!wanted || `${tool.sentence} ${tool.tool} ${tool.title}`.toLowerCase().includes(wanted)));
  const groups = new Map<string, Tool[]>();
  for (const tool of seen) {
    const name = tool.connection?.name ?? 'Connek itself';
    groups.set(name, [...(groups.get(name) ?? []), tool]);
  }
  if (!seen.length) return <Empty>{wanted ? `No tool’s sentence contains “${query}”.` : 'No role allows anything yet.'}</Empty>;
  return (
    <>
      {[...groups].sort(([a], [b]) => a.localeCompare(b)).map(([name, items]) => (
        <section key={name} style={{ marginBottom: 20 }}>
          <Text component="h2" fw={600} fz={14} mb={6} mt={0} className="wrap">{name}</Text>
          <div className="table-box">
            {items.map((tool) => (
              <div key={`${tool.tool} ${tool.connection?.id ?? ''}`} className="tool-line">
                <div style={{ minWidth: 0 }}>
                  <Text size="sm" className="wrap">{tool.sentence}</Text>
                  <Text size="xs" c="dimmed" className="wrap"><code>{tool.tool}</code></Text>
                </div>
                <span className="row badges">
                  <DoesBadge of={tool.does} />
                  {showsDenied && <Status tone={tool.is_allowed ? 'good' : 'bad'}>{tool.is_allowed ? 'Allowed' : 'Denied'}</Status>}
                </span>
              </div>
            ))}
          </div>
        </section>
      ))}
    </>
  );
}
