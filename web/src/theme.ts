// The look: calm, with AA contrast in both themes (docs/dashboard.md).
import { createTheme, Drawer, Modal, Notification, Tooltip, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const brand: MantineColorsTuple = ['#eef3fb', '#dbe5f5', '#b9cceb', '#97b5e6', '#6f97d8', '#5480ca', '#4470bf', '#2f5bb0', '#274c94', '#1f3d78'];

// Mantine's own greys are brown beside a blue canvas.
const dark: MantineColorsTuple = ['#e4e7ec', '#c3c9d3', '#98a0ae', '#6f7887', '#4a525f', '#333a45', '#252a33', '#1c2027', '#15181e', '#0f1217'];

const quick = { duration: 120 };

export const theme = createTheme({
  fontFamily: '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  colors: { brand, dark },
  primaryColor: 'brand',
  primaryShade: 7,
  defaultRadius: 6,
  respectReducedMotion: true,
  cursorType: 'pointer',
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '22px', lineHeight: '1.3' }, h2: { fontSize: '18px', lineHeight: '1.35' }, h3: { fontSize: '16px', lineHeight: '1.4' } },
  },
  components: {
    Badge: { defaultProps: { variant: 'light', radius: 4, tt: 'none', fw: 500 } },
    Button: { defaultProps: { size: 'sm' } },
    Drawer: Drawer.extend({ defaultProps: { position: 'right', size: 560, transitionProps: quick, closeButtonProps: { 'aria-label': 'Close' } } }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } }),
    Modal: Modal.extend({ defaultProps: { transitionProps: quick, closeButtonProps: { 'aria-label': 'Close' } } }),
    Portal: { defaultProps: { target: '#portals' } },
    Text: { defaultProps: { size: 'sm' } },
    Paper: { defaultProps: { withBorder: true, shadow: undefined } },
    Tooltip: Tooltip.extend({ defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true }, transitionProps: quick } }),
    Anchor: { defaultProps: { underline: 'hover' } },
  },
});

// Where Mantine's own have too little contrast.
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#5a6372',
    '--mantine-color-placeholder': '#6b7280',
    '--mantine-color-error': '#b3261e',
    '--mantine-color-anchor': '#2f5bb0',
    '--connek-canvas': '#f8f9fa',
    '--connek-card': '#ffffff',
    '--connek-line': '#dee2e6',
    '--connek-field': '#858d9b',
    '--connek-hover': '#f1f3f6',
    '--connek-good': '#1e6b3a',
    '--connek-good-back': '#e8f4ec',
    '--connek-warn': '#7a4d00',
    '--connek-warn-back': '#fdf3dc',
    '--connek-bad': '#a3231b',
    '--connek-bad-back': '#fcebea',
    '--connek-plain': '#454d5a',
    '--connek-plain-back': '#eceef2',
    '--connek-accent': '#274c94',
    '--connek-accent-back': '#e6edf9',
    '--connek-rose': '#9b1c4d',
    '--connek-rose-back': '#fbe8ee',
    '--connek-violet': '#5b36a6',
    '--connek-violet-back': '#efe9fb',
    '--connek-teal': '#0f6068',
    '--connek-teal-back': '#e0f3f4',
  },
  dark: {
    '--mantine-color-dimmed': '#98a0ae',
    '--mantine-color-placeholder': '#8d96a5',
    '--mantine-color-error': '#f2a19b',
    '--mantine-color-anchor': '#97b5e6',
    '--mantine-color-body': '#1c2027',
    '--mantine-color-text': '#e4e7ec',
    '--mantine-color-default': '#1c2027',
    '--mantine-color-default-border': '#4a525f',
    '--connek-canvas': '#15181e',
    '--connek-card': '#1c2027',
    '--connek-line': '#333a45',
    '--connek-field': '#6f7887',
    '--connek-hover': '#252a33',
    '--connek-good': '#8fd0a6',
    '--connek-good-back': '#1d3125',
    '--connek-warn': '#e6c47a',
    '--connek-warn-back': '#362c17',
    '--connek-bad': '#f2a19b',
    '--connek-bad-back': '#3a2220',
    '--connek-plain': '#c3c9d3',
    '--connek-plain-back': '#2a303a',
    '--connek-accent': '#a9c3ee',
    '--connek-accent-back': '#1f2c45',
    '--connek-rose': '#f0a6bd',
    '--connek-rose-back': '#3a2029',
    '--connek-violet': '#c7b3f2',
    '--connek-violet-back': '#2c2442',
    '--connek-teal': '#8ad0dc',
    '--connek-teal-back': '#15313a',
  },
});
