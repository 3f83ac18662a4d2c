// What stands around every page: navigation, organisation, search, theme, live dot, the person's own menu.
import { ActionIcon, Drawer, Menu, Text, Tooltip, useMantineColorScheme, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { IconChevronDown, IconLogout, IconMenu2, IconMoon, IconSearch, IconSun, IconUser, IconUserCircle } from '@tabler/icons-react';
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { api, take } from '../api/client';
import { useLive } from '../api/live';
import { useHere } from '../api/session';
import { toldProblem } from '../parts/parts';
import { Palette, openPalette } from './Palette';
import { pages } from './pages';

function Brand() {
  return (
    <Link to="/" className="nav-brand">
      <img src="/icon.svg" width={18} height={18} alt="" />
      Connek
    </Link>
  );
}

function Navigation({ onGo }: { onGo?: () => void }) {
  const { may } = useHere();
  const seen = pages.filter((page) => page.for.some(may));
  const groups = [...new Set(seen.map(({ group }) => group))];
  return (
    <nav className="nav" aria-label="Pages">
      <Brand />
      {groups.map((group) => (
        <div key={group ?? ''} role="group" aria-label={group}>
          {group && <div className="nav-group" aria-hidden="true">{group}</div>}
          {seen
            .filter((page) => page.group === group)
            .map(({ path, name, icon: Icon }) => (
              <Link key={path} to={path} className="nav-link" activeOptions={{ exact: path === '/', includeSearch: false }} onClick={onGo}>
                <Icon size={18} stroke={1.6} aria-hidden="true" />
                {name}
              </Link>
            ))}
        </div>
      ))}
    </nav>
  );
}

function Organisations() {
  const { session, organisation } = useHere();
  const navigate = useNavigate();
  if (session.organisations.length < 2) return <Text fw={500} className="cut only-wide">{organisation.name}</Text>;
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <UnstyledButton className="row" aria-label={`Organisation: ${organisation.name}. Change`}>
          <Text fw={500} className="cut" maw={180}>{organisation.name}</Text>
          <IconChevronDown size={14} aria-hidden="true" />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Organisations</Menu.Label>
        {session.organisations.map(({ id, name, kind }) => (
          <Menu.Item key={id} onClick={() => void navigate({ to: '/', search: { org: id } })} rightSection={<Text size="xs" c="dimmed">{kind}</Text>}>
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

const liveWords = {
  connecting: ['ring', 'Connecting', 'inherit'],
  live: ['circle', 'Live', 'var(--connek-good)'],
  away: ['square', 'Not connected', 'var(--connek-bad)'],
} as const;

function LiveDot() {
  const { state } = useLive();
  const [shape, word, color] = liveWords[state];
  return (
    <span className="live" role="status">
      <span className="dot" data-shape={shape} aria-hidden="true" style={{ color }} />
      <span className="only-wide">{word}</span>
    </span>
  );
}

function Theme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const isDark = colorScheme === 'dark' || (colorScheme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  const word = isDark ? 'Light theme' : 'Dark theme';
  return (
    <Tooltip label={word}>
      <ActionIcon variant="subtle" color="gray" size={34} aria-label={word} onClick={() => setColorScheme(isDark ? 'light' : 'dark')} c="inherit">
        {isDark ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}

export async function signOut() {
  try {
    await take(api.DELETE('/session'));
    window.location.assign('/sign-in');
  } catch (error) {
    toldProblem(error);
  }
}

function Person() {
  const { session } = useHere();
  const navigate = useNavigate();
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={34} aria-label="Your menu" c="inherit">
          <IconUserCircle size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{session.email}</Menu.Label>
        <Menu.Item leftSection={<IconUser size={16} />} onClick={() => void navigate({ to: '/me' })}>My page</Menu.Item>
        <Menu.Item leftSection={<IconUserCircle size={16} />} component="a" href="/account">Account and second step</Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

// The reader of a screen, and the keyboard, begin a new page at its beginning.
function useFocusOnPage() {
  const main = useRef<HTMLElement>(null);
  const page = useRouterState({ select: ({ location }) => location.pathname.split('/')[1] });
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [page]);
  return main;
}

export function Frame() {
  const [isOpen, setOpen] = useState(false);
  const main = useFocusOnPage();
  return (
    <div className="frame">
      <a className="skip" href="#main">To the content</a>
      <div className="side"><Navigation /></div>
      <Drawer opened={isOpen} onClose={() => setOpen(false)} position="left" size={260} padding={0} title={<VisuallyHidden>Pages</VisuallyHidden>}>
        <Navigation onGo={() => setOpen(false)} />
      </Drawer>
      <div className="column">
        <header className="top">
          <ActionIcon className="only-narrow" variant="subtle" color="gray" size={34} aria-label="Pages" onClick={() => setOpen(true)} c="inherit">
            <IconMenu2 size={20} />
          </ActionIcon>
          <Organisations />
          <button type="button" className="search-button only-wide" onClick={openPalette}>
            <IconSearch size={15} aria-hidden="true" />
            Search
            <kbd>Ctrl K</kbd>
          </button>
          <LiveDot />
          <ActionIcon className="only-narrow" variant="subtle" color="gray" size={34} aria-label="Search" onClick={openPalette} c="inherit">
            <IconSearch size={18} />
          </ActionIcon>
          <Theme />
          <Person />
        </header>
        <main className="main" id="main" ref={main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <Palette />
    </div>
  );
}
