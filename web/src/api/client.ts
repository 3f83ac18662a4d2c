// The REST API, typed by its own document (schema/api.json), and what goes wrong with it.
import createClient from 'openapi-fetch';
import type { paths, components } from './schema';

export type Schemas = components['schemas'];

// RFC 9457 problem details, in words that can be shown as they are.
export class Problem extends Error {
  readonly status: number;
  readonly fields: Record<string, string>;
  // The same by JSON pointers into what was sent.
  readonly places: { pointer: string; text: string }[];

  constructor(status: number, text: string, fields: Record<string, string> = {}, places: { pointer: string; text: string }[] = []) {
    super(text);
    this.status = status;
    this.fields = fields;
    this.places = places;
  }
}

export const textOf = (error: unknown): string => (error instanceof Error ? error.message : 'Something went wrong. Try again.');
export const fieldsOf = (error: unknown): Record<string, string> => (error instanceof Problem ? error.fields : {});

// The member that a JSON pointer names, for the field beside which it is shown: "/credential/key" is "credential.key".
const nameOf = (pointer: string): string => pointer.replace(/^\//, '').replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');

function problemOf(status: number, body: unknown): Problem {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Schemas['Problem']>;
  const fields: Record<string, string> = {};
  for (const { pointer, detail } of problem.errors ?? []) fields[nameOf(pointer)] ??= detail;
  const text = problem.detail || problem.title || (status >= 500 ? 'Connek could not do this now. Try again in a moment.' : `Connek refused this (${status}).`);
  return new Problem(status, text, fields, (problem.errors ?? []).map(({ pointer, detail }) => ({ pointer, text: detail })));
}

// To the sign-in page, and back to where one was.
export function goSignIn(): void {
  const { pathname, search } = window.location;
  window.location.assign(`/sign-in?return=${encodeURIComponent(pathname + search)}`);
}

export const api = createClient<paths>({ baseUrl: '/api/v1', headers: { 'X-Connek': '1' } });

type Answer<T> = { data?: T; error?: unknown; response: Response };

// The answer's data; throws a Problem.
export async function answered<T>(asked: Promise<Answer<T>>, seen?: (status: number) => void): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(0, 'Connek cannot be reached. Check your connection; what you typed is still here.');
  }
  const { data, error, response } = answer;
  seen?.(response.status);
  if (!response.ok) throw problemOf(response.status, error);
  return data as T;
}

// Likewise. A session that has ended leads to the sign-in page.
export const take = <T>(asked: Promise<Answer<T>>): Promise<T> =>
  answered(asked, (status) => {
    if (status === 401) goSignIn();
  });

// For openapi-fetch: the path of something of the organisation's.
export const idempotencyKey = (): string => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
