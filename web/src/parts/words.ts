// Words and numbers for people, in the reader's locale and zone.
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'long' });
const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const number = new Intl.NumberFormat();
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000], ['month', 2_592_000], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60],
];

export const exact = (time: string): string => exactFormat.format(new Date(time));
export const day = (time: string): string => dayFormat.format(new Date(time));

export function ago(time: string, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  for (const [unit, size] of steps) if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  return seconds > -5 && seconds <= 0 ? 'just now' : relative.format(Math.trunc(seconds), 'second');
}

export const count = (n: number): string => number.format(n);
export const counted = (n: number, one: string, many = `${one}s`): string => `${number.format(n)} ${n === 1 ? one : many}`;
export const milliseconds = (ms: number): string =>
  ms >= 10_000 ? `${(ms / 1000).toFixed(0)} s` : ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 10 || ms < 0.05 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;

export const initials = (name: string): string => {
  const words = name.split(/[\s._@-]+/).filter(Boolean);
  const [first = '?', second] = words;
  return second ? (first[0]! + second[0]!).toUpperCase() : first[0]!.toUpperCase() + (first[1] ?? '').toLowerCase();
};

// The same name has the same colour wherever it is.
export const hueOf = (name: string): number => [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 65_521, 7) % 6;

export const doesWord: Record<string, string> = { read: 'Reads', write: 'Changes', destroy: 'Destroys' };

// Reasons as the rules give them, in plain words.
export function reasonWords(reason: string): string {
  const role = / of role (.+)$/.exec(reason)?.[1];
  if (role) return `A rule of role ${role} decided.`;
  const known: Record<string, string> = {
    no_rule: 'No rule allows it.',
    rate: 'The limit of calls a minute was reached.',
    scope: 'Its person did not let this client do that when they signed in.',
    about_the_caller: 'It is about the caller alone, which everybody may ask.',
    invalid_params: 'The arguments do not fit the tool.',
    unknown_tool: 'There is no such tool for this person.',
    unknown_prompt: 'There is no such prompt for this person.',
    unknown_resource: 'There is no such resource for this person.',
  };
  return known[reason] ?? reason.replaceAll('_', ' ');
}

// A name of the API's as people read it: customer_support, Customer support.
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1).replaceAll('_', ' ');
