// Addresses to pages. Each page is loaded when it is visited; details have addresses below their page's.
import { Anchor, Center, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, retainSearchParams, useRouterState, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { LiveProvider } from './api/live';
import { chosenOrganisation, HereContext, useSession, type Here } from './api/session';
import { Frame } from './frame/Frame';
import { Empty, Lines, PageHead, ProblemBox } from './parts/parts';

type Search = Record<string, unknown>;
const word = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined);
const flag = (value: unknown): true | undefined => (value === true || value === 'true' || value === 1 ? true : undefined);

// The operator's page is nobody's organisation, and asks for no session.
function Root() {
  const isOperators = useRouterState({ select: ({ location }) => location.pathname === '/operator' });
  return isOperators ? <Outlet /> : <Inside />;
}

function Inside() {
  const { org } = useSearch({ strict: false }) as { org?: string };
  const session = useSession();
  const queries = useQueryClient();
  const { data } = session;
  const here = useMemo<Here | null>(() => {
    const organisation = data && chosenOrganisation(data, org);
    return organisation ? { session: data, organisation, may: (permission) => organisation.permissions.includes(permission) } : null;
  }, [data, org]);
  if (here)
    return (
      <HereContext value={here}>
        <LiveProvider key={here.organisation.id}>
          <Frame />
        </LiveProvider>
      </HereContext>
    );
  if (data)
    return (
      <Center mih="100vh" p={24} component="main">
        <Stack maw={440}>
          <PageHead title="You are in no organisation" lead={`You are signed in as ${data.email}. Ask whoever manages Connek for an invitation, and open its link.`} />
          <Anchor href="/account">Your account</Anchor>
        </Stack>
      </Center>
    );
  return (
    <Center mih="100vh" p={24} component="main">
      <div style={{ width: 'min(440px, 100%)' }}>
        {session.isPending ? <Lines n={3} /> : <ProblemBox error={session.error} again={() => void queries.invalidateQueries()} />}
      </div>
    </Center>
  );
}

const rootRoute = createRootRoute({
  component: Root,
  validateSearch: (search: Search): { org?: string } => ({ org: word(search.org) }),
  search: { middlewares: [retainSearchParams(['org'])] },
  notFoundComponent: () => (
    <>
      <PageHead title="Nothing is here" lead="This address is of no page. It may have been cut off when it was copied." />
      <Empty>Choose a page at the left.</Empty>
    </>
  ),
  errorComponent: ({ error }) => <ProblemBox error={error} again={() => window.location.reload()} />,
});

const page = <P extends string>(path: P, load: () => Promise<Record<string, unknown>>, name: string) =>
  ({ getParentRoute: () => rootRoute, path, component: lazyRouteComponent(load as () => Promise<Record<string, never>>, name) }) as const;

const home = createRoute({ ...page('/', () => import('./pages/home/Home'), 'Home') });

const sources = createRoute({
  ...page('/sources', () => import('./pages/sources/Sources'), 'Sources'),
  validateSearch: (search: Search): { tab?: string; q?: string; category?: string; kind?: string; status?: string; label?: string; connect?: string } => ({
    tab: word(search.tab), q: word(search.q), category: word(search.category), kind: word(search.kind), status: word(search.status), label: word(search.label),
    connect: word(search.connect),
  }),
});
const source = createRoute({
  getParentRoute: () => sources,
  path: '$connection',
  component: lazyRouteComponent(() => import('./pages/sources/ConnectionDrawer'), 'ConnectionDrawer'),
});

const users = createRoute({
  ...page('/users', () => import('./pages/users/Users'), 'Users'),
  validateSearch: (search: Search): { q?: string; invite?: true } => ({ q: word(search.q), invite: flag(search.invite) }),
});
const user = createRoute({ getParentRoute: () => users, path: '$user', component: lazyRouteComponent(() => import('./pages/users/UserDrawer'), 'UserDrawer') });

const rules = createRoute({
  ...page('/rules', () => import('./pages/rules/Rules'), 'Rules'),
  validateSearch: (search: Search): { make?: true } => ({ make: flag(search.make) }),
});
const role = createRoute({ getParentRoute: () => rules, path: '$role', component: lazyRouteComponent(() => import('./pages/rules/RoleRules'), 'RoleRules') });

const assistant = createRoute({
  ...page('/assistant', () => import('./pages/assistant/Assistant'), 'Assistant'),
  validateSearch: (search: Search): { user?: string; role?: string; q?: string; denied?: true } => ({
    user: word(search.user), role: word(search.role), q: word(search.q), denied: flag(search.denied),
  }),
});

export interface ActivitySearch {
  user?: string;
  tool?: string;
  connection?: string;
  decision?: string;
  outcome?: string;
  kind?: string;
  from?: string;
  to?: string;
}
const activity = createRoute({
  ...page('/activity', () => import('./pages/activity/Activity'), 'Activity'),
  validateSearch: (search: Search): ActivitySearch => ({
    user: word(search.user), tool: word(search.tool), connection: word(search.connection), decision: word(search.decision), outcome: word(search.outcome),
    kind: word(search.kind), from: word(search.from), to: word(search.to),
  }),
});
const record = createRoute({ getParentRoute: () => activity, path: '$record', component: lazyRouteComponent(() => import('./pages/activity/RecordDrawer'), 'RecordDrawer') });

const usage = createRoute({
  ...page('/usage', () => import('./pages/usage/Usage'), 'Usage'),
  validateSearch: (search: Search): { days?: number } => ({ days: Number(search.days) || undefined }),
});
const playground = createRoute({
  ...page('/playground', () => import('./pages/playground/Playground'), 'Playground'),
  validateSearch: (search: Search): { user?: string; role?: string; tool?: string; arguments?: string } => ({
    user: word(search.user), role: word(search.role), tool: word(search.tool), arguments: typeof search.arguments === 'object' ? JSON.stringify(search.arguments) : word(search.arguments),
  }),
});
const developers = createRoute({
  ...page('/developers', () => import('./pages/developers/Developers'), 'Developers'),
  validateSearch: (search: Search): { tab?: string; webhook?: string } => ({ tab: word(search.tab), webhook: word(search.webhook) }),
});
const me = createRoute({ ...page('/me', () => import('./pages/me/Me'), 'Me') });
const operator = createRoute({ ...page('/operator', () => import('./pages/operator/Operator'), 'Operator') });
const settings = createRoute({
  ...page('/settings', () => import('./pages/settings/Settings'), 'Settings'),
  validateSearch: (search: Search): { apply?: true } => ({ apply: flag(search.apply) }),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    home,
    sources.addChildren([source]),
    users.addChildren([user]),
    rules.addChildren([role]),
    assistant,
    activity.addChildren([record]),
    usage,
    playground,
    developers,
    me,
    settings,
    operator,
  ]),
  defaultPreload: 'intent',
  defaultPendingComponent: () => <Lines n={5} />,
  defaultPendingMs: 150,
  defaultErrorComponent: ({ error }) => <ProblemBox error={error} again={() => window.location.reload()} />,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

