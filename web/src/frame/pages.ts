// The pages of the navigation, and who sees them.
import {
  IconActivity, IconApps, IconChartBar, IconCode, IconHome, IconPlayerPlay, IconSettings, IconShieldCheck, IconUser, IconUserQuestion, IconUsers, type Icon,
} from '@tabler/icons-react';

export interface PageOf {
  path: string;
  name: string;
  group?: string;
  icon: Icon;
  // Any one of these permissions.
  for: string[];
}

export const pages: PageOf[] = [
  { path: '/', name: 'Home', icon: IconHome, for: ['audit:read'] },
  { path: '/sources', name: 'Sources', group: 'Connect', icon: IconApps, for: ['connections:read'] },
  { path: '/users', name: 'Users', group: 'Control', icon: IconUsers, for: ['users:read'] },
  { path: '/rules', name: 'Access rules', group: 'Control', icon: IconShieldCheck, for: ['roles:read'] },
  { path: '/assistant', name: 'Who can do what', group: 'Control', icon: IconUserQuestion, for: ['roles:read'] },
  { path: '/activity', name: 'Activity', group: 'Watch', icon: IconActivity, for: ['audit:read', 'self'] },
  { path: '/usage', name: 'Usage', group: 'Watch', icon: IconChartBar, for: ['usage:read'] },
  { path: '/playground', name: 'Playground', group: 'Develop', icon: IconPlayerPlay, for: ['playground:call', 'self'] },
  { path: '/developers', name: 'Developers', group: 'Develop', icon: IconCode, for: ['keys:read'] },
  { path: '/me', name: 'My page', group: 'Mine', icon: IconUser, for: ['self'] },
  { path: '/settings', name: 'Settings', group: 'Mine', icon: IconSettings, for: ['organisation:write'] },
];
