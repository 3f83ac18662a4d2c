// What pages read. Each key begins with the organisation, so that one event has all of it read again.
import { queryOptions, keepPreviousData } from '@tanstack/react-query';
import { api, take } from './client';

const path = (organisation: string) => ({ path: { organisation } });

export const organisationQuery = (organisation: string) =>
  queryOptions({ queryKey: [organisation, 'organisation'], queryFn: () => take(api.GET('/organisations/{organisation}', { params: path(organisation) })) });

export const settingsQuery = (organisation: string) =>
  queryOptions({ queryKey: [organisation, 'settings'], queryFn: () => take(api.GET('/organisations/{organisation}/settings', { params: path(organisation) })) });

export const meQuery = (organisation: string) =>
  queryOptions({ queryKey: [organisation, 'me'], queryFn: () => take(api.GET('/organisations/{organisation}/me', { params: path(organisation) })) });

export const connectionsQuery = (organisation: string) =>
  queryOptions({
    queryKey: [organisation, 'connections'],
    queryFn: () => take(api.GET('/organisations/{organisation}/connections', { params: { ...path(organisation), query: { limit: 200 } } })),
  });

export const connectionQuery = (organisation: string, connection: string) =>
  queryOptions({
    queryKey: [organisation, 'connection', connection],
    queryFn: () => take(api.GET('/organisations/{organisation}/connections/{connection}', { params: { path: { organisation, connection } } })),
  });

export const connectionToolsQuery = (organisation: string, connection: string) =>
  queryOptions({
    queryKey: [organisation, 'connection', connection, 'tools'],
    queryFn: () => take(api.GET('/organisations/{organisation}/connections/{connection}/tools', { params: { path: { organisation, connection } } })),
  });

export const connectorsQuery = (organisation: string) =>
  queryOptions({
    queryKey: [organisation, 'connectors'],
    queryFn: () => take(api.GET('/organisations/{organisation}/connectors', { params: { ...path(organisation), query: { limit: 200 } } })),
  });

export const connectorQuery = (organisation: string, connector: string) =>
  queryOptions({
    queryKey: [organisation, 'connector', connector],
    queryFn: () => take(api.GET('/organisations/{organisation}/connectors/{connector}', { params: { path: { organisation, connector } } })),
  });

export interface UserFilter {
  query?: string;
  cursor?: string;
}
export const usersQuery = (organisation: string, filter: UserFilter) =>
  queryOptions({
    queryKey: [organisation, 'users', filter],
    queryFn: () => take(api.GET('/organisations/{organisation}/users', { params: { ...path(organisation), query: { limit: 200, ...filter } } })),
    placeholderData: keepPreviousData,
  });

export const userQuery = (organisation: string, user: string) =>
  queryOptions({
    queryKey: [organisation, 'user', user],
    queryFn: () => take(api.GET('/organisations/{organisation}/users/{user}', { params: { path: { organisation, user } } })),
  });

export const rolesQuery = (organisation: string) =>
  queryOptions({
    queryKey: [organisation, 'roles'],
    queryFn: () => take(api.GET('/organisations/{organisation}/roles', { params: { ...path(organisation), query: { limit: 200 } } })),
  });

export type UsageBy = 'day' | 'user' | 'tool' | 'connection' | 'connector';
export const usageQuery = (organisation: string, by: UsageBy, range: { from?: string; to?: string }, limit = 50) =>
  queryOptions({
    queryKey: [organisation, 'usage', by, range, limit],
    queryFn: () => take(api.GET('/organisations/{organisation}/usage', { params: { ...path(organisation), query: { by, limit, ...range } } })),
    placeholderData: keepPreviousData,
  });

// What somebody's assistant could do: a user's, a role's or one's own.
export type Whose = { user: string } | { role: string } | 'me';
export const toolsQuery = (organisation: string, whose: Whose, denied: boolean, schemas = false) =>
  queryOptions({
    queryKey: [organisation, 'tools', whose, denied, schemas],
    queryFn: () => {
      const query = { denied, schemas };
      if (whose === 'me') return take(api.GET('/organisations/{organisation}/me/tools', { params: { ...path(organisation), query } }));
      if ('user' in whose) return take(api.GET('/organisations/{organisation}/users/{user}/tools', { params: { path: { organisation, user: whose.user }, query } }));
      return take(api.GET('/organisations/{organisation}/roles/{role}/tools', { params: { path: { organisation, role: whose.role }, query } }));
    },
  });
