// Ctrl K: any page, user, connection, role, tool and action.
import { Spotlight, createSpotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { IconApps, IconFileUpload, IconPlus, IconSearch, IconShieldCheck, IconTool, IconUser } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { connectionsQuery, rolesQuery, toolsQuery, usersQuery } from '../api/queries';
import { useHere } from '../api/session';
import { pages } from './pages';

const [store, palette] = createSpotlight();
export const openPalette = palette.open;

export function Palette() {
  const { organisation, may } = useHere();
  const navigate = useNavigate();
  const [isOpen, setOpen] = useState(false);
  const users = useQuery({ ...usersQuery(organisation.id, {}), enabled: isOpen && may('users:read') });
  const connections = useQuery({ ...connectionsQuery(organisation.id), enabled: isOpen && may('connections:read') });
  const roles = useQuery({ ...rolesQuery(organisation.id), enabled: isOpen && may('roles:read') });

  const tools = useQuery({ ...toolsQuery(organisation.id, 'me', false), enabled: isOpen });
  const isLooking = [users, connections, roles, tools].some(({ isLoading }) => isLoading);

  // What was typed before they came: the first of what fits is chosen as they come, or Enter would do nothing. (Mantine chooses
  // when something is typed alone, by this attribute.)
  useEffect(() => {
    const { opened, query, listId } = store.getState();
    const list = document.getElementById(listId);
    if (!opened || !query || !list || list.querySelector('[data-selected]')) return;
    list.querySelector('[data-action]')?.setAttribute('data-selected', 'true');
    store.updateState((state) => ({ ...state, selected: 0 }));
  }, [users.data, connections.data, roles.data, tools.data]);

  const groups: SpotlightActionGroupData[] = [
    {
      group: 'Pages',
      actions: pages
        .filter((page) => page.for.some(may))
        .map(({ path, name, icon: Icon }) => ({ id: path, label: name, leftSection: <Icon size={18} stroke={1.6} />, onClick: () => void navigate({ to: path }) })),
    },
  ];
  if (may('connections:write'))
    groups.push({
      group: 'Actions',
      actions: [
        { id: 'connect', label: 'Connect a source', leftSection: <IconPlus size={18} />, onClick: () => void navigate({ to: '/sources', search: { tab: 'catalogue' } }) },
        { id: 'invite', label: 'Invite somebody', leftSection: <IconPlus size={18} />, onClick: () => void navigate({ to: '/users', search: { invite: true } }) },
        ...(may('config:write') ? [{ id: 'apply', label: 'Apply a configuration file', leftSection: <IconFileUpload size={18} />, onClick: () => void navigate({ to: '/settings', search: { apply: true } }) }] : []),
        ...(may('webhooks:write') ? [{ id: 'webhook', label: 'Add a webhook', leftSection: <IconPlus size={18} />, onClick: () => void navigate({ to: '/developers', search: { tab: 'webhooks' } }) }] : []),
        { id: 'role', label: 'Make a role', leftSection: <IconPlus size={18} />, onClick: () => void navigate({ to: '/rules', search: { make: true } }) },
      ],
    });
  if (connections.data)
    groups.push({
      group: 'Connections',
      actions: connections.data.items.map(({ id, name, connector_name }) => ({
        id, label: name, description: connector_name, leftSection: <IconApps size={18} />, onClick: () => void navigate({ to: '/sources/$connection', params: { connection: id } }),
      })),
    });
  if (users.data)
    groups.push({
      group: 'Users',
      actions: users.data.items.map(({ id, email }) => ({ id, label: email, leftSection: <IconUser size={18} />, onClick: () => void navigate({ to: '/users/$user', params: { user: id } }) })),
    });
  if (roles.data)
    groups.push({
      group: 'Roles',
      actions: roles.data.items.map(({ id, name }) => ({ id, label: name, leftSection: <IconShieldCheck size={18} />, onClick: () => void navigate({ to: '/rules/$role', params: { role: id } }) })),
    });

  if (tools.data)
    groups.push({
      group: 'Tools',
      actions: [...new Map(tools.data.items.map((tool) => [tool.tool, tool])).values()].map(({ tool, title }) => ({
        id: `tool ${tool}`, label: title || tool, description: tool, leftSection: <IconTool size={18} />, onClick: () => void navigate({ to: '/playground', search: may('playground:call') ? { user: organisation.user_id, tool } : { tool } }),
      })),
    });

  return (
    <Spotlight
      store={store}
      actions={groups}
      shortcut={['mod + K']}
      tagsToIgnore={[]}
      triggerOnContentEditable
      limit={40}
      highlightQuery
      scrollable
      maxHeight={420}
      nothingFound={isLooking ? 'Looking …' : 'Nothing is called that.'}
      onSpotlightOpen={() => setOpen(true)}
      searchProps={{ leftSection: <IconSearch size={18} />, placeholder: 'Search pages, users, connections, roles, tools', 'aria-label': 'Search' }}
    />
  );
}
