// Who is signed in, and which of their organisations is looked at.
import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { api, take, type Schemas } from './client';

export const sessionQuery = {
  queryKey: ['session'],
  queryFn: () => take(api.GET('/session')),
  staleTime: 60_000,
};
export const useSession = () => useQuery(sessionQuery);

export interface Here {
  session: Schemas['Session'];
  organisation: Schemas['Membership'];
  may: (permission: string) => boolean;
}

export const HereContext = createContext<Here | null>(null);

export function useHere(): Here {
  const here = useContext(HereContext);
  if (!here) throw new Error('no organisation');
  return here;
}

const kept = 'connek-organisation';

export function chosenOrganisation(session: Schemas['Session'], asked: string | undefined): Schemas['Membership'] | undefined {
  const { organisations } = session;
  const wanted = asked ?? localStorage.getItem(kept);
  const found = organisations.find(({ id }) => id === wanted) ?? organisations[0];
  if (found) localStorage.setItem(kept, found.id);
  return found;
}
