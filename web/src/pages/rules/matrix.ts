// A role's rules as a matrix, and back. What does not fit into one (patterns, prompts, resources) is kept as it is.
import type { Schemas } from '../../api/client';

export type Rule = Schemas['Rule'];
export type Does = Schemas['Does'];
export type Choice = 'none' | 'allow' | 'deny' | 'ask';
export type TargetKind = 'connection' | 'connector' | 'label';

export interface Row {
  kind: TargetKind;
  name: string;
  does: Partial<Record<Does, Choice>>;
  tools: Record<string, Choice>;
}
export interface Matrix {
  rows: Record<string, Row>;
  others: Rule[];
}

export const everyDoes: Does[] = ['read', 'write', 'destroy'];
const kinds: TargetKind[] = ['connection', 'connector', 'label'];
export const keyOf = (kind: TargetKind, name: string): string => `${kind}:${name}`;
export const emptyRow = (kind: TargetKind, name: string): Row => ({ kind, name, does: {}, tools: {} });

// The cells that a rule sets, where it is as simple as that.
function cellsOf(rule: Rule): { does: Does[]; tools: string[] } | null {
  const { does = [], tools = [], resources = [], prompts = [] } = rule;
  if (resources.length || prompts.length) return null;
  if (does.length && !tools.length) return { does, tools: [] };
  if (!does.length && tools.length === 1 && tools[0] === '*') return { does: everyDoes, tools: [] };
  if (!does.length && tools.length && !tools.some((name) => name.includes('*'))) return { does: [], tools };
  return null;
}

export function matrixOf(rules: Rule[]): Matrix {
  const matrix: Matrix = { rows: {}, others: [] };
  for (const rule of rules) {
    const kind = kinds.find((one) => rule[one] !== undefined);
    const cells = cellsOf(rule);
    if (!kind || !cells) {
      matrix.others.push(rule);
      continue;
    }
    const name = rule[kind] as string;
    const row = (matrix.rows[keyOf(kind, name)] ??= emptyRow(kind, name));
    const isTaken = cells.does.some((does) => row.does[does] && row.does[does] !== rule.effect) || cells.tools.some((tool) => row.tools[tool] && row.tools[tool] !== rule.effect);
    if (isTaken) {
      matrix.others.push(rule);
      continue;
    }
    for (const does of cells.does) row.does[does] = rule.effect;
    for (const tool of cells.tools) row.tools[tool] = rule.effect;
  }
  return matrix;
}

const effects = ['allow', 'ask', 'deny'] as const;

export function rulesOf({ rows, others }: Matrix): Rule[] {
  const rules: Rule[] = [];
  for (const row of Object.values(rows)) {
    for (const effect of effects) {
      const target = { [row.kind]: row.name };
      const does = everyDoes.filter((one) => row.does[one] === effect);
      const tools = Object.keys(row.tools).filter((tool) => row.tools[tool] === effect).sort();
      if (does.length) rules.push({ ...target, does, effect });
      if (tools.length) rules.push({ ...target, tools, effect });
    }
  }
  return [...rules, ...others.map(({ id: _, ...rule }) => rule)];
}

// Every cell as text, so that two matrices can be compared.
function cellTexts({ rows, others }: Matrix): string[] {
  const texts = others.map(({ id: _, ...rule }) => JSON.stringify(rule));
  for (const [key, row] of Object.entries(rows)) {
    for (const does of everyDoes) if ((row.does[does] ?? 'none') !== 'none') texts.push(`${key}/${does}=${row.does[does]}`);
    for (const [tool, choice] of Object.entries(row.tools)) if (choice !== 'none') texts.push(`${key}//${tool}=${choice}`);
  }
  return texts;
}

// In how many places they differ.
export function changesBetween(before: Matrix, after: Matrix): number {
  const [a, b] = [new Set(cellTexts(before)), new Set(cellTexts(after))];
  const place = (text: string) => text.split('=')[0] ?? text;
  const changed = new Set([...a].filter((text) => !b.has(text)).map(place));
  for (const text of b) if (!a.has(text)) changed.add(place(text));
  return changed.size;
}

export function describe(rule: Rule): string {
  const target = rule.connection ?? (rule.connector ? `every connection of ${rule.connector}` : `what carries ${rule.label}`);
  const what = [
    rule.does?.length && `what does ${rule.does.join(', ')}`,
    rule.tools?.length && `the tools ${rule.tools.join(', ')}`,
    rule.prompts?.length && `the prompts ${rule.prompts.join(', ')}`,
    rule.resources?.length && `the resources ${rule.resources.join(', ')}`,
  ].filter(Boolean);
  const verb = { allow: 'Allows', deny: 'Denies', ask: 'Asks about' }[rule.effect];
  return `${verb} ${what.join(' and ') || 'everything'} of ${target}`;
}
