// A form's values, what is wrong with each, and sending it: what was typed is never lost.
import { useState } from 'react';
import { fieldsOf, Problem } from '../api/client';

export function useForm<T extends object>(initial: T) {
  const [values, setValues] = useState(initial);
  const [fields, setFields] = useState<Record<string, string>>({});
  const [error, setError] = useState<unknown>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);

  const set = <K extends keyof T>(name: K, value: T[K]) => {
    setValues((before) => ({ ...before, [name]: value }));
    setFields(({ [String(name)]: _, ...rest }) => rest);
  };

  // True: it is done. What the server says of a field stands beside it, the rest above the form.
  const send = async (run: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setError(null);
    setFields({});
    setProblem(null);
    try {
      await run();
      return true;
    } catch (failure) {
      const said = fieldsOf(failure);
      setFields(said);
      setProblem(failure instanceof Problem ? failure : null);
      setError(failure instanceof Problem && Object.keys(said).length > 0 ? null : failure);
      return false;
    } finally {
      setBusy(false);
    }
  };

  return { values, set, setValues, fields, setFields, error, setError, problem, isBusy, send };
}
