// A form made from a tool's schema, or the same as JSON.
import { Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import Form from '@rjsf/mantine';
import { titleId, type ArrayFieldTitleProps, type RJSFSchema, type TitleFieldProps, type UiSchema } from '@rjsf/utils';
import { useMemo, useState } from 'react';
import { Editor } from '../../editor/Editor';
import { validator } from './validator';

const uiSchema: UiSchema = { 'ui:submitButtonOptions': { norender: true }, 'ui:title': '', 'ui:description': '' };

// A legend is no heading.
const templates = {
  TitleFieldTemplate: ({ id, title }: TitleFieldProps) => <Text component="span" id={id} fw={500}>{title}</Text>,
  ArrayFieldTitleTemplate: ({ fieldPathId, title }: ArrayFieldTitleProps) => (title ? <Text component="span" id={titleId(fieldPathId)} fw={500}>{title}</Text> : null),
};

export function ArgumentsForm({ schema, initial, isBusy, call }: { schema: RJSFSchema; initial: Record<string, unknown>; isBusy: boolean; call: (values: Record<string, unknown>) => void }) {
  const [mode, setMode] = useState<'form' | 'json'>('form');
  const [values, setValues] = useState(initial);
  const [text, setText] = useState(() => JSON.stringify(initial, null, 2));
  const [error, setError] = useState<string | null>(null);
  const plain = useMemo(() => {
    const { title: _title, description: _description, ...rest } = schema;
    return rest as RJSFSchema;
  }, [schema]);
  const hasFields = Object.keys((schema.properties as object | undefined) ?? {}).length > 0;

  const turn = (next: 'form' | 'json') => {
    if (next === 'json') setText(JSON.stringify(values, null, 2));
    else {
      try {
        setValues(JSON.parse(text));
        setError(null);
      } catch {
        setError('This is not JSON. Correct it first.');
        return;
      }
    }
    setMode(next);
  };
  const callJson = () => {
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error();
      setError(null);
      call(parsed as Record<string, unknown>);
    } catch {
      setError('Arguments are a JSON object, in braces.');
    }
  };

  return (
    <Stack gap="sm">
      <SegmentedControl aria-label="Arguments as" size="xs" value={mode} onChange={(value) => turn(value as 'form' | 'json')} data={[{ value: 'form', label: 'Form' }, { value: 'json', label: 'JSON' }]} style={{ alignSelf: 'flex-start' }} />
      {mode === 'json' ? (
        <>
          <Editor label="Arguments as JSON" value={text} onChange={setText} />
          {error && <Text size="sm" c="var(--mantine-color-error)" role="alert">{error}</Text>}
          <Group justify="flex-end"><Button loading={isBusy} onClick={callJson}>Call</Button></Group>
        </>
      ) : (
        <>
          {!hasFields && <Text size="sm" c="dimmed">It takes no arguments.</Text>}
          <Form
            schema={plain}
            uiSchema={uiSchema}
            validator={validator}
            templates={templates}
            formData={values}
            showErrorList={false}
            noHtml5Validate
            onChange={({ formData }) => setValues((formData ?? {}) as Record<string, unknown>)}
            onSubmit={({ formData }) => call((formData ?? {}) as Record<string, unknown>)}
          >
            <Group justify="flex-end" mt="sm"><Button type="submit" loading={isBusy}>Call</Button></Group>
          </Form>
        </>
      )}
    </Stack>
  );
}
