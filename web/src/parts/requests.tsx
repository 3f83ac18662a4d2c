// A request for a connector that is missing: what became of it.
import type { Schemas } from '../api/client';
import { Status, type Tone } from './parts';

const words: Record<Schemas['ConnectorRequest']['status'], [Tone, string]> = { open: ['accent', 'Open'], done: ['good', 'Done'], declined: ['plain', 'Declined'] };
export const RequestStatus = ({ of }: { of: Schemas['ConnectorRequest']['status'] }) => <Status tone={words[of][0]}>{words[of][1]}</Status>;
