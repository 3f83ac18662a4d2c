// Each client that people's assistants are built from, through Connek, before each kind of MCP server: whatever the server
// can do, the client gets, whichever eras the two speak.
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Connek } from './support/connek.js';
import { client2Legacy, client2Modern, inspector, mcpRemote, sdk1 } from './support/clients.js';
import { legacy, send } from './support/mcp.js';
import { user } from './support/served.js';
import { fixtureProgram, startFixture } from '../fixtures/mcp/process.js';
import { eventually } from './support/wait.js';

const everything = 'server-everything on stdio';
const everythingProgram = resolve(import.meta.dirname, '../../node_modules/@modelcontextprotocol/server-everything/dist/index.js');

// Where the programs are: a sandbox hides /tmp but for it.
const root = resolve(import.meta.dirname, '../..');

const upstreams = {
  'a legacy server': async (scope) => ({ url: await startFixture(scope, { eras: 'legacy' }) }),
  'a modern server': async (scope) => ({ url: await startFixture(scope, { eras: 'modern' }) }),
  'a legacy server on stdio': async () => ({ command: [process.execPath, fixtureProgram, '--stdio', '--eras', 'legacy'], directory: root }),
  'a modern server on stdio': async () => ({ command: [process.execPath, fixtureProgram, '--stdio', '--eras', 'modern'], directory: root }),
  [everything]: async () => ({ command: [process.execPath, everythingProgram, 'stdio'], directory: root }),
};

const undone = [];
const scope = { after: (undo) => undone.unshift(undo) };
after(async () => {
  const ends = [];
  for (const undo of undone) ends.push(...(await Promise.allSettled([undo()])));
  for (const { reason } of ends) if (reason) throw reason;
});

// One Connek before each server, for all clients: its URL.
const worlds = new Map();
const serving = (upstream) => worlds.get(upstream) ?? worlds.set(upstream, begin(upstream)).get(upstream);

async function begin(upstream) {
  const connek = await Connek.create(scope);
  const definition = await upstreams[upstream](scope);
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: [{ id: 'fixture', kind: 'mcp', ...definition }],
    connections: [{ name: 'fixture', connector: 'fixture', names: 'plain', trust: 'accept' }],
    roles: [{ name: 'all', rules: [{ connection: 'fixture', does: ['read', 'write', 'destroy'] }] }],
    users: [{ email: user, roles: ['all'] }],
  });
  await connek.start('--workers', '3', '--allow-upstream', '127.0.0.1');
  const { url } = await connek.token(user);
  const known = upstream === everything ? 'echo' : 'fixture_echo';
  await eventually(async () => {
    const { body } = await send(url, legacy('tools/list'));
    assert.ok(body.result.tools.some(({ name }) => name === known), connek.stderr);
  });
  return url;
}

const asked = { elicitation: { form: {} }, sampling: {} };

// One mcp-remote before each server, for all features: it takes a while to start.
const remotes = new Map();
const remote = (url) => remotes.get(url) ?? remotes.set(url, mcpRemote(scope, url, {}, asked)).get(url);

const sdk1Ways = {
    answer: (client, { elicit, sample }) => {
      client.setRequestHandler(ElicitRequestSchema, elicit);
      client.setRequestHandler(CreateMessageRequestSchema, sample);
    },
    call: (client, params, options) => client.callTool(params, undefined, options),
    listen: async (client, method, heard) => {
      client.fallbackNotificationHandler = async (notification) => void (notification.method === method && heard());
    },
};

// How each client is told what the specification leaves to its library.
const clients = {
  'SDK 1.x': { connect: (t, url, capabilities) => sdk1(t, url, {}, capabilities), ...sdk1Ways },
  'SDK 1.x through mcp-remote': { connect: (t, url) => remote(url), ...sdk1Ways },
  'SDK 2.x, legacy': { connect: (t, url, capabilities) => client2Legacy(t, url, {}, capabilities), ...version2(() => {}) },
  'SDK 2.x, modern': {
    connect: (t, url, capabilities) => client2Modern(t, url, {}, capabilities),
    ...version2((client) => client.listen({ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true })),
  },
};

function version2(listen) {
  return {
    answer: (client, { elicit, sample }) => {
      client.setRequestHandler('elicitation/create', elicit);
      client.setRequestHandler('sampling/createMessage', sample);
    },
    call: (client, params, options) => client.callTool(params, options),
    listen: async (client, method, heard) => {
      client.setNotificationHandler(method, () => heard());
      await listen(client);
    },
  };
}

const textOf = ({ content }) => content.map((part) => part.text ?? '').join('\n');
const names = (items) => items.map(({ name }) => name);
const person = {
  elicit: async () => ({ action: 'accept', content: { username: 'Ann', email: 'ann@acme.example' } }),
  sample: async () => ({ role: 'assistant', model: 'a model', content: { type: 'text', text: 'Paris' } }),
};

// Causes a notification until it is heard: a legacy client opens its stream by itself, a little after it was told to listen. How
// often that was.
async function causedUntilHeard(client, listen, method, cause) {
  const heard = Promise.withResolvers();
  await listen(client, method, () => heard.resolve(true));
  for (let times = 1; ; times++) {
    await cause(times);
    if (await Promise.race([heard.promise, sleep(2000, false, { ref: false })])) return times;
  }
}

// Asks by the Inspector's command.
const inspecting = (url, era) => async (method, ...args) => {
  const { code, result, stdout, stderr } = await inspector(url, ['--method', method, ...args], { era });
  assert.equal(code, 0, `${method}: ${stderr}${stdout}`);
  return result.result ?? result;
};

for (const upstream of Object.keys(upstreams).filter((name) => name !== everything)) {
  for (const [kind, { connect, answer, call, listen }] of Object.entries(clients)) {
    const pairing = (feature, check) => test(`${kind} before ${upstream}: ${feature}`, { timeout: 120_000 }, async (t) => check(t, await serving(upstream)));
    const callNamed = (client, name, args = {}, options = undefined) => call(client, { name, arguments: args }, options);

    pairing('tools are listed and called, and what they return is whole', async (t, url) => {
      const client = await connect(t, url);
      const { tools } = await client.listTools();
      assert.ok(names(tools).includes('test_simple_text'));
      const echo = tools.find(({ name }) => name === 'fixture_echo');
      assert.deepEqual(echo.annotations, { title: 'Echo', readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false });
      assert.equal(echo._meta['example.com/kept'].as, 'it is');
      const result = await callNamed(client, 'fixture_echo', { value: { deep: [1, null, 'ü'] } });
      assert.deepEqual(result.structuredContent.arguments, { value: { deep: [1, null, 'ü'] } });
      assert.equal(result._meta['example.com/echo'], 'kept');
      const types = (await callNamed(client, 'test_multiple_content_types')).content.map(({ type }) => type);
      assert.deepEqual(types, ['text', 'image', 'resource']);
      const failed = await callNamed(client, 'test_error_handling');
      assert.equal(failed.isError, true);
      assert.match(textOf(failed), /intentionally/);
    });

    pairing('resources are listed and read, those of templates too', async (t, url) => {
      const client = await connect(t, url);
      const { resources } = await client.listResources();
      assert.ok(resources.some(({ uri }) => uri === 'test://static-text'));
      const { resourceTemplates } = await client.listResourceTemplates();
      assert.deepEqual(resourceTemplates.map(({ uriTemplate }) => uriTemplate), ['test://template/{id}/data']);
      const { contents } = await client.readResource({ uri: 'test://static-text' });
      assert.match(contents[0].text, /static text resource/);
      const binary = await client.readResource({ uri: 'test://static-binary' });
      assert.ok(binary.contents[0].blob.length > 0);
      const template = await client.readResource({ uri: 'test://template/42/data' });
      assert.equal(JSON.parse(template.contents[0].text).id, '42');
    });

    pairing('prompts are listed, got and completed', async (t, url) => {
      const client = await connect(t, url);
      assert.ok(names((await client.listPrompts()).prompts).includes('test_simple_prompt'));
      const { messages } = await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: '"ß"' } });
      assert.equal(messages[0].content.text, `Prompt with arguments: arg1='a', arg2='"ß"'`);
      const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
      const { completion } = await client.complete({ ref, argument: { name: 'arg1', value: 'par' } });
      assert.deepEqual(completion.values, ['paris', 'park', 'party']);
    });

    pairing('the person is asked (elicitation)', async (t, url) => {
      const client = await connect(t, url, asked);
      const seen = [];
      answer(client, { ...person, elicit: async ({ params }) => (seen.push(params), person.elicit()) });
      const result = await callNamed(client, 'test_elicitation', { message: 'Who is there?' });
      assert.equal(seen.length, 1);
      assert.equal(seen[0].message, 'Who is there?');
      assert.deepEqual(Object.keys(seen[0].requestedSchema.properties), ['username', 'email']);
      assert.match(textOf(result), /action=accept.*ann@acme\.example/);
      answer(client, { ...person, elicit: async () => ({ action: 'decline' }) });
      assert.match(textOf(await callNamed(client, 'test_elicitation', { message: 'Who?' })), /action=decline/);
    });

    pairing('the model is asked (sampling)', async (t, url) => {
      const client = await connect(t, url, asked);
      const seen = [];
      answer(client, { ...person, sample: async ({ params }) => (seen.push(params), person.sample()) });
      const result = await callNamed(client, 'test_sampling', { prompt: 'The capital of France?' });
      assert.equal(textOf(result), 'LLM response: Paris');
      assert.equal(seen.length, 1);
      const [{ content }] = seen[0].messages;
      assert.equal([content].flat()[0].text, 'The capital of France?');
    });

    pairing('progress arrives while the call is under way, in order', async (t, url) => {
      const client = await connect(t, url);
      const steps = [];
      await callNamed(client, 'fixture_wait', { ms: 400, steps: 4 }, { onprogress: (step) => steps.push(step) });
      // The last may come with the result, and is then no longer of interest to some clients.
      assert.deepEqual(steps.slice(0, 4).map(({ progress }) => progress), [0, 25, 50, 75]);
      assert.equal(steps[1].message, 'Step 1 of 4');
    });

    pairing('a call that is given up ends at the server too (cancellation)', async (t, url) => {
      const client = await connect(t, url);
      const count = async () => (await callNamed(client, 'fixture_counts')).structuredContent.cancelled;
      const before = await count();
      const giveUp = new AbortController();
      const hasBegun = Promise.withResolvers();
      const waiting = callNamed(client, 'fixture_wait', { ms: 60_000, steps: 600 }, { signal: giveUp.signal, onprogress: hasBegun.resolve });
      waiting.catch(hasBegun.reject);
      await hasBegun.promise;
      giveUp.abort();
      await assert.rejects(waiting);
      await eventually(async () => assert.equal(await count(), before + 1));
    });

    pairing('a changed list is told, and is the new one (list_changed)', async (t, url) => {
      const client = await connect(t, url);
      const has = async () => names((await client.listTools()).tools).includes('test_dynamic_tool');
      const hadIt = await has();
      const times = await causedUntilHeard(client, listen, 'notifications/tools/list_changed', () => callNamed(client, 'test_trigger_tool_change'));
      const hasIt = times % 2 ? !hadIt : hadIt; // each adds it or takes it away
      await eventually(async () => assert.equal(await has(), hasIt));
      if (hasIt) assert.equal(textOf(await callNamed(client, 'test_dynamic_tool')), 'I am here');
    });
  }

  for (const era of ['legacy', 'modern']) {
    test(`Inspector --cli, ${era}, before ${upstream}: lists, calls, reads and gets`, { timeout: 120_000 }, async () => {
      const ask = inspecting(await serving(upstream), era);
      assert.ok(names((await ask('tools/list')).tools).includes('fixture_echo'));
      const called = await ask('tools/call', '--tool-name', 'fixture_echo', '--tool-arg', 'note=hello');
      assert.equal(called.structuredContent.arguments.note, 'hello');
      assert.ok((await ask('resources/list')).resources.some(({ uri }) => uri === 'test://static-text'));
      const { contents } = await ask('resources/read', '--uri', 'test://static-text');
      assert.match(contents[0].text, /static text resource/);
      assert.ok(names((await ask('prompts/list')).prompts).includes('test_simple_prompt'));
      const { messages } = await ask('prompts/get', '--prompt-name', 'test_simple_prompt');
      assert.match(messages[0].content.text, /simple prompt/);
    });
  }
}

// The reference server, which has names of its own for the same features.
for (const [kind, { connect, answer, call, listen }] of Object.entries(clients)) {
  const pairing = (feature, check) => test(`${kind} before ${everything}: ${feature}`, { timeout: 120_000 }, async (t) => check(t, await serving(everything)));
  const callNamed = (client, name, args = {}, options = undefined) => call(client, { name, arguments: args }, options);

  pairing('tools', async (t, url) => {
    const client = await connect(t, url);
    assert.ok(names((await client.listTools()).tools).includes('get-sum'));
    assert.match(textOf(await callNamed(client, 'echo', { message: 'across "ü"' })), /across "ü"/);
    assert.match(textOf(await callNamed(client, 'get-sum', { a: 2, b: 40 })), /42/);
    const weather = await callNamed(client, 'get-structured-content', { location: 'Chicago' });
    assert.equal(typeof weather.structuredContent.temperature, 'number');
    const types = (await callNamed(client, 'get-tiny-image')).content.map(({ type }) => type);
    assert.ok(types.includes('image'));
  });

  pairing('resources, those of templates too', async (t, url) => {
    const client = await connect(t, url);
    const { resources } = await client.listResources();
    assert.ok(resources.length > 0);
    assert.ok((await client.readResource({ uri: resources[0].uri })).contents.length > 0);
    const { contents } = await client.readResource({ uri: 'demo://resource/dynamic/text/7' });
    assert.match(contents[0].text, /Resource 7/);
    const links = (await callNamed(client, 'get-resource-links', { count: 2 })).content.filter(({ type }) => type === 'resource_link');
    assert.ok((await client.readResource({ uri: links[0].uri })).contents.length > 0);
  });

  pairing('prompts and completion', async (t, url) => {
    const client = await connect(t, url);
    assert.ok(names((await client.listPrompts()).prompts).includes('args-prompt'));
    const { messages } = await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Bern' } });
    assert.equal(messages[0].content.text, "What's weather in Bern?");
    const ref = { type: 'ref/prompt', name: 'completable-prompt' };
    const { completion } = await client.complete({ ref, argument: { name: 'name', value: 'D' }, context: { arguments: { department: 'Sales' } } });
    assert.deepEqual(completion.values, ['David']);
  });

  pairing('elicitation', async (t, url) => {
    const client = await connect(t, url, asked);
    answer(client, { ...person, elicit: async () => ({ action: 'accept', content: { name: 'Ann' } }) });
    assert.match(textOf(await callNamed(client, 'trigger-elicitation-request')), /Name: Ann/);
    answer(client, { ...person, elicit: async () => ({ action: 'decline' }) });
    assert.match(textOf(await callNamed(client, 'trigger-elicitation-request')), /declined/);
  });

  pairing('sampling', async (t, url) => {
    const client = await connect(t, url, asked);
    answer(client, person);
    assert.match(textOf(await callNamed(client, 'trigger-sampling-request', { prompt: 'The capital of France?' })), /Paris/);
  });

  pairing('progress', async (t, url) => {
    const client = await connect(t, url);
    const steps = [];
    const done = await callNamed(client, 'trigger-long-running-operation', { duration: 0.6, steps: 3 }, { onprogress: (step) => steps.push(step) });
    assert.match(textOf(done), /completed/);
    assert.deepEqual(steps.slice(0, 2).map(({ progress }) => progress), [1, 2]);
  });

  pairing('list_changed', async (t, url) => {
    const client = await connect(t, url);
    const name = (time) => `made-${kind.replaceAll(/[^a-z0-9]/gi, '')}-${time}`;
    const make = (time) => callNamed(client, 'gzip-file-as-resource', { name: name(time), data: 'data:text/plain,hello', outputType: 'resourceLink' });
    const times = await causedUntilHeard(client, listen, 'notifications/resources/list_changed', make);
    await eventually(async () => assert.ok((await client.listResources()).resources.some(({ uri }) => uri.includes(name(times)))));
  });

  test(`${kind} before ${everything}: cancellation`, { skip: 'nothing at the server shows that it was told: none of its tools ends early' }, () => {});
}

for (const era of ['legacy', 'modern']) {
  test(`Inspector --cli, ${era}, before ${everything}: lists, calls and gets`, { timeout: 120_000 }, async () => {
    const ask = inspecting(await serving(everything), era);
    assert.ok(names((await ask('tools/list')).tools).includes('echo'));
    assert.match(textOf(await ask('tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hello')), /hello/);
    const { messages } = await ask('prompts/get', '--prompt-name', 'simple-prompt');
    assert.match(messages[0].content.text, /simple prompt/);
  });
  const why = 'the command asks one thing and ends: nobody is there who answers, gives up or listens';
  test(`Inspector --cli, ${era}: elicitation, sampling, progress, cancellation, list_changed`, { skip: why }, () => {});
}
