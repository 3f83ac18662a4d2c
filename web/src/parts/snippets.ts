// How each client is told its person's URL. Each of these is parsed and used by a real client in test/dashboard/.
export interface Snippet {
  id: string;
  name: string;
  where: string;
  text: (url: string) => string;
}

const json = (value: unknown) => JSON.stringify(value, null, 2);

export const snippets: Snippet[] = [
  {
    id: 'claude',
    name: 'Claude',
    where: 'In Claude, open Settings, then Connectors, then Add custom connector. Name it Connek and paste this as its URL:',
    text: (url) => url,
  },
  {
    id: 'chatgpt',
    name: 'ChatGPT',
    where: 'In ChatGPT, open Settings, then Connectors, then Create (developer mode is among the advanced settings). Paste this as the MCP server URL, without authentication:',
    text: (url) => url,
  },
  { id: 'claude-code', name: 'Claude Code', where: 'In a terminal:', text: (url) => `claude mcp add --transport http connek ${url}` },
  {
    id: 'claude-desktop',
    name: 'Claude Desktop',
    where: 'In claude_desktop_config.json (Settings, then Developer, then Edit config):',
    text: (url) => json({ mcpServers: { connek: { command: 'npx', args: ['-y', 'mcp-remote', url] } } }),
  },
  { id: 'cursor', name: 'Cursor', where: 'In ~/.cursor/mcp.json:', text: (url) => json({ mcpServers: { connek: { url } } }) },
  { id: 'vscode', name: 'VS Code', where: 'In .vscode/mcp.json:', text: (url) => json({ servers: { connek: { type: 'http', url } } }) },
  { id: 'windsurf', name: 'Windsurf', where: 'In ~/.codeium/windsurf/mcp_config.json:', text: (url) => json({ mcpServers: { connek: { serverUrl: url } } }) },
  { id: 'gemini', name: 'Gemini CLI', where: 'In ~/.gemini/settings.json:', text: (url) => json({ mcpServers: { connek: { httpUrl: url } } }) },
  {
    id: 'inspector',
    name: 'MCP Inspector',
    where: 'In a terminal, to look at what is offered:',
    text: (url) => `npx -y @modelcontextprotocol/inspector --cli ${url} --transport http --method tools/list`,
  },
];
