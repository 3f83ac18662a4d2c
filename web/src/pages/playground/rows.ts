// Is a result rows? Then it is shown as a table. Pure.
export interface Rows {
  columns: string[];
  rows: unknown[][];
  // What stands beside the rows: a cursor, a total.
  rest: [string, unknown][];
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;
const columnsMax = 30;

function ofObjects(list: Fields[], rest: [string, unknown][]): Rows | null {
  const columns = [...new Set(list.flatMap((one) => Object.keys(one)))];
  if (!columns.length || columns.length > columnsMax) return null;
  return { columns, rows: list.map((one) => columns.map((column) => one[column])), rest };
}

// The form in which databases answer: names once, then rows of values.
function ofColumns({ columns, rows, ...rest }: Fields): Rows | null {
  if (!Array.isArray(columns) || !Array.isArray(rows) || !columns.length || columns.length > columnsMax) return null;
  const names = columns.map((column: unknown) => (isFields(column) ? column.name : column));
  if (!names.every((name) => typeof name === 'string') || !rows.every((row) => Array.isArray(row))) return null;
  return { columns: names as string[], rows: rows as unknown[][], rest: Object.entries(rest) };
}

export function rowsOf(value: unknown): Rows | null {
  if (Array.isArray(value)) return value.length && value.every(isFields) ? ofObjects(value, []) : null;
  if (!isFields(value)) return null;
  const asColumns = ofColumns(value);
  if (asColumns) return asColumns;
  const lists = Object.entries(value).filter(([, one]) => Array.isArray(one) && one.length > 0) as [string, unknown[]][];
  const [only] = lists;
  if (lists.length !== 1 || !only) return null;
  const [name, list] = only;
  const rest = Object.entries(value).filter(([other]) => other !== name);
  if (list.every(isFields)) return ofObjects(list, rest);
  return list.every(isScalar) ? { columns: [name], rows: list.map((one) => [one]), rest } : null;
}
