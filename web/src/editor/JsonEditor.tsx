// JSON in an editor (CodeMirror): coloured, folded, and what is wrong underlined where it stands. A chunk of its own:
// import it through Editor.tsx.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json, jsonParseLinter } from '@codemirror/lang-json';
import { bracketMatching, codeFolding, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { linter, lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { EditorState, type Text } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import { nonce } from '../nonce';
import type { EditorProps, Mark } from './Editor';
import { rangeOf } from './pointer';

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--connek-accent)' },
  { tag: tags.string, color: 'var(--connek-good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--connek-violet)' },
]);

const look = EditorView.theme({
  '&': { fontSize: '13px', border: '1px solid var(--connek-field)', borderRadius: '6px', background: 'var(--connek-card)', color: 'var(--mantine-color-text)' },
  '&.cm-focused': { outline: '2px solid var(--mantine-color-anchor)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.5', maxHeight: 'var(--editor-max)' },
  '.cm-content': { minHeight: 'var(--editor-min)', caretColor: 'var(--mantine-color-text)' },
  '.cm-gutters': { background: 'var(--connek-canvas)', color: 'var(--mantine-color-dimmed)', borderRight: '1px solid var(--connek-line)', borderRadius: '6px 0 0 6px' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { background: 'var(--connek-accent-back) !important' },
  '.cm-tooltip': { border: '1px solid var(--connek-line)', background: 'var(--connek-card)', color: 'var(--mantine-color-text)' },
  '.cm-foldPlaceholder': { border: '0', background: 'var(--connek-plain-back)', color: 'var(--connek-plain)' },
});

// What is wrong with this text, by whoever has looked at it: no longer with another.
interface Said {
  marks: Mark[];
  of: Text;
}
const rangesOf = (view: EditorView, said: Said | null): Diagnostic[] =>
  said?.of.eq(view.state.doc) ? said.marks.map(({ pointer, text }): Diagnostic => ({ ...rangeOf(view.state, pointer), severity: 'error', message: text })).sort((a, b) => a.from - b.from) : [];

// An empty text is not wrong yet.
const parses = jsonParseLinter();

export default function JsonEditor({ value, label, onChange, marks }: EditorProps) {
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changed = useRef(onChange);
  changed.current = onChange;
  const isReadOnly = onChange === undefined;
  const said = useRef<Said | null>(null);

  useEffect(() => {
    const editor = new EditorView({
      parent: parent.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          EditorView.cspNonce.of(nonce),
          lineNumbers(),
          codeFolding(),
          foldGutter(),
          history(),
          indentOnInput(),
          bracketMatching(),
          json(),
          syntaxHighlighting(colours),
          look,
          EditorView.lineWrapping,
          EditorState.readOnly.of(isReadOnly),
          EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0', ...(isReadOnly && { 'aria-readonly': 'true' }) }),
          // Tab goes on to the next field, as everywhere on the page.
          keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap]),
          // It tells both: what it finds itself would else take the place of what was said of the same text.
          linter((view) => [...(isReadOnly || !view.state.doc.toString().trim() ? [] : parses(view)), ...rangesOf(view, said.current)], { delay: 400 }),
          ...(isReadOnly ? [] : [lintGutter()]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
    // The editor keeps its own text; what comes from outside is taken below.
  }, [label, isReadOnly]);

  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== value) editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || !marks) return;
    said.current = { marks, of: editor.state.doc };
    const diagnostics = rangesOf(editor, said.current);
    editor.dispatch(setDiagnostics(editor.state, diagnostics));
    if (diagnostics[0]) editor.dispatch({ effects: EditorView.scrollIntoView(diagnostics[0].from, { y: 'center' }) });
  }, [marks]);

  return <div ref={parent} />;
}
