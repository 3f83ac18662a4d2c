// What a connector asks for, as fields of a form.
import { PasswordInput, Select, TextInput } from '@mantine/core';
import type { Schemas } from '../api/client';

export const compact = (values: Record<string, string>) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));

export function FieldInput({ field, value, error, onChange }: { field: Schemas['Field']; value: string; error?: string; onChange: (value: string) => void }) {
  const shared = { label: field.title || field.name, description: field.help, required: field.is_required, error, autoComplete: 'off' };
  if (field.options) return <Select {...shared} data={field.options} value={value || null} onChange={(chosen) => onChange(chosen ?? '')} />;
  if (field.is_secret) return <PasswordInput {...shared} autoComplete="new-password" value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
  return <TextInput {...shared} placeholder={field.default} value={value} onChange={(event) => onChange(event.currentTarget.value)} spellCheck={false} />;
}
