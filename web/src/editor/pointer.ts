// Where in a text of JSON a JSON pointer (RFC 6901) leads, or the last place on its way that is there.
import { syntaxTree } from '@codemirror/language';
import type { EditorState } from '@codemirror/state';

type Node = ReturnType<typeof syntaxTree>['topNode'];

const values = new Set(['Object', 'Array', 'String', 'Number', 'True', 'False', 'Null']);

function valuesOf(node: Node): Node[] {
  const found: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) if (values.has(child.name)) found.push(child);
  return found;
}

const nameOf = (state: EditorState, property: Node): string => {
  const name = property.getChild('PropertyName');
  try {
    return name ? String(JSON.parse(state.sliceDoc(name.from, name.to))) : '';
  } catch {
    return '';
  }
};

export function rangeOf(state: EditorState, pointer: string): { from: number; to: number } {
  let at: Node | undefined = valuesOf(syntaxTree(state).topNode)[0];
  let seen = at;
  for (const step of pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))) {
    if (at?.name === 'Object') {
      const property = at.getChildren('Property').find((one) => nameOf(state, one) === step);
      at = property && valuesOf(property).at(-1);
      seen = at ?? property ?? seen;
    } else if (at?.name === 'Array') {
      at = valuesOf(at)[Number(step)];
      seen = at ?? seen;
    } else {
      at = undefined;
    }
    if (!at) break;
  }
  if (!seen) return { from: 0, to: state.doc.lineAt(0).to };
  // Of something long the first line is enough.
  return { from: seen.from, to: Math.min(seen.to, state.doc.lineAt(seen.from).to) };
}
