// People: how they get in, how they do not, and what their browsers are told.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { sql } from './support/aged.js';
import { Connek } from './support/connek.js';
import { formsOf, Person } from './support/person.js';
import { readQr } from './support/qr.js';
import { member, password, setupLink } from './support/sign_in.js';
import { oneTimeCode, stepNow } from './support/totp.js';

const finance = 'finance@acme.example';
const marketing = 'marketing@acme.example';
let connek, closers;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) });
});

after(async () => {
  for (const close of closers) await close();
});

const invite = async (email, ...args) => JSON.parse(await connek.ok('user', 'invite', email, '--json', '--public-url', connek.base, ...args)).link;

test('the first start prints a link for the owner: once used, neither it nor another one works', async (t) => {
  const own = await Connek.serving(t);
  const link = await setupLink(own);
  const person = new Person();
  const page = await person.accept(link, { email: 'owner@acme.example', password });
  assert.match(page.text, /acme \(owner\)/);
  assert.equal((await new Person().open(link)).status, 404);
  const before = own.stdout.length;
  await own.restart();
  assert.doesNotMatch(own.stdout.slice(before), /owner's account/);
});

test('on an empty folder the owner names the organisation', async (t) => {
  const own = await Connek.create(t);
  await own.start();
  const page = await new Person().accept(await setupLink(own), { name: 'Globex', email: 'owner@globex.example', password });
  assert.match(page.text, /Globex \(owner\)/);
});

test('an invitation works once, and looking at it does not use it up', async () => {
  const link = await invite(marketing);
  for (let i = 0; i < 3; i++) assert.equal((await new Person().open(link)).status, 200);
  const short = await new Person().accept(link, { password: 'short' });
  assert.match(short.text, /at least 10 characters/);
  const first = await new Person().accept(link, { password });
  assert.match(first.text, /marketing@acme\.example/);
  assert.equal((await new Person().open(link)).status, 404);
  for (const bad of ['', '0', '0'.repeat(64), `${'0'.repeat(63)}'`, '..%2f..'])
    assert.equal((await new Person().open(`${connek.base}/link/${bad}`)).status, 404, bad);
});

test('a newer link takes the place of the older, and a reset signs out everywhere', async () => {
  const person = await member(connek, finance);
  const [older, newer] = [await connek.ok('user', 'reset', finance, '--json', '--public-url', connek.base), await connek.ok('user', 'reset', finance, '--json', '--public-url', connek.base)].map((text) => JSON.parse(text).link);
  assert.equal((await new Person().open(older)).status, 404);
  const page = await new Person().accept(newer, { password: 'another fine password' });
  assert.match(page.url, /\/account/);
  assert.match((await person.open(`${connek.base}/account`)).url, /\/sign-in/);
  assert.equal((await new Person().signIn(connek.base, finance, password)).status, 401);
  assert.match((await new Person().signIn(connek.base, finance, 'another fine password')).url, /\/account/);
});

test('whoever has no address here is told the same as who has a wrong password, and guesses are counted', async (t) => {
  const own = await Connek.serving(t);
  await member(own, finance);
  const wrong = await new Person().signIn(own.base, finance, 'not the password');
  const unknown = await new Person().signIn(own.base, 'nobody@acme.example', 'not the password');
  const invited = await new Person().signIn(own.base, marketing, 'not the password');
  const plain = (page) => page.text.replace(/value="[^"]*"/g, '');
  assert.equal(wrong.status, 401);
  assert.equal(plain(unknown), plain(wrong));
  assert.equal(plain(invited), plain(wrong));
  let refused = 0;
  for (let i = 0; i < 12; i++) refused += (await new Person().signIn(own.base, finance, `guess number ${i}`)).status === 429;
  assert.ok(refused > 0);
  assert.equal((await new Person().signIn(own.base, finance, password)).status, 429);
});

test('a form from elsewhere, or without its token, does nothing', async () => {
  const person = await member(connek, 'finance@acme.example').catch(() => undefined) ?? new Person();
  if (!person.cookies.size) await person.signIn(connek.base, finance, 'another fine password');
  const page = await person.open(`${connek.base}/account`);
  assert.match(page.text, /Sign out/);
  const form = formsOf(page.text).find(({ action }) => action === '/sign-out').fields;
  const url = `${connek.base}/sign-out`;
  for (const [fields, headers] of [
    [{}, {}],
    [{ csrf: '0'.repeat(64) }, {}],
    [form, { Origin: 'https://evil.example' }],
    [form, { Origin: 'null' }],
    [form, { Origin: connek.base.replace('127.0.0.1', 'localhost') }],
  ])
    assert.equal((await person.request(url, { method: 'POST', form: fields, headers })).status, 403);
  const stranger = new Person();
  await stranger.open(`${connek.base}/sign-in`);
  assert.equal((await stranger.request(url, { method: 'POST', form })).status, 403);
  assert.equal((await person.request(url)).status, 405);
  assert.match((await person.open(`${connek.base}/account`)).text, /Sign out/);
});

test('a session is a new one at each sign-in, and the one before is over', async (t) => {
  const own = await Connek.serving(t);
  const person = await member(own, finance);
  const session = () => [...person.cookies].find(([name]) => name === 'connek-loopback');
  const isIn = async ([name, value]) => (await fetch(`${own.base}/account`, { redirect: 'manual', headers: { Cookie: `${name}=${value}` } })).status === 200;
  const first = session();
  assert.ok(await isIn(first));
  // Somebody else's invitation, opened in a browser in which a person is signed in already: the way to sign in once more.
  await person.accept(await own.ok('user', 'invite', marketing, '--json', '--public-url', own.base).then((text) => JSON.parse(text).link), { password });
  const second = session();
  assert.notEqual(second[1], first[1]);
  assert.ok(await isIn(second));
  assert.equal(await isIn(first), false);
  await person.press(await person.open(`${own.base}/account`), 'Sign out');
  assert.equal(await isIn(second), false, 'the cookie that somebody kept is nobody\'s');
});

test('a person changes their password, knowing the one there is: other browsers are signed out, and it is on record', async (t) => {
  const own = await Connek.serving(t);
  const person = await member(own, finance);
  const elsewhere = new Person();
  await elsewhere.signIn(own.base, finance, password);
  const change = async (values) => person.press(await person.open(`${own.base}/account/password`), 'Change password', values);
  const better = 'a better one than before';
  const wrong = await change({ current: 'not the password', password: better, again: better });
  assert.equal(wrong.status, 401);
  assert.match(wrong.text, /That is not your password now/);
  assert.match((await change({ current: password, password: better, again: 'another' })).text, /two passwords differ/);
  assert.match((await change({ current: password, password: 'short', again: 'short' })).text, /at least 10 characters/);
  assert.equal((await elsewhere.open(`${own.base}/account`)).status, 200);
  assert.match((await elsewhere.open(`${own.base}/account`)).text, /Your account/);
  assert.match((await change({ current: password, password: better, again: better })).url, /\/account$/);
  assert.match((await elsewhere.open(`${own.base}/account`)).url, /sign-in/);
  assert.match((await person.open(`${own.base}/account`)).text, /Your account/);
  assert.equal((await new Person().signIn(own.base, finance, password)).status, 401);
  assert.match((await new Person().signIn(own.base, finance, better)).url, /\/account/);
  assert.ok((await own.audit()).some(({ tool, user }) => tool === 'user.password' && user === finance));
  assert.match((await new Person().open(`${own.base}/account/password`)).url, /sign-in\?return=%2Faccount%2Fpassword/);
});

test('pages say to browsers what they may do; cookies are ours alone', async () => {
  const response = await fetch(`${connek.base}/sign-in`);
  assert.match(response.headers.get('content-security-policy'), /^default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal(response.headers.get('x-frame-options'), 'DENY');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.match(response.headers.get('set-cookie'), /HttpOnly; SameSite=Lax/);
  assert.doesNotMatch(await response.text(), /<script|style="|onclick/);
});

test('behind https cookies have the __Host- prefix; plain http elsewhere than on this machine is refused, with the reason', async (t) => {
  const own = await Connek.serving(t, { args: ['--public-url', 'https://connek.example'] });
  assert.match((await fetch(`${own.base}/sign-in`)).headers.get('set-cookie'), /^__Host-connek-form=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
  await own.restart('--public-url', 'http://connek.example');
  for (const path of ['/sign-in', '/oauth/authorize?client_id=x', '/account']) {
    const response = await fetch(`${own.base}${path}`);
    assert.equal(response.status, 403);
    assert.match(await response.text(), /Signing in needs https/);
  }
  const metadata = await fetch(`${own.base}/.well-known/oauth-authorization-server`);
  assert.equal(metadata.status, 403);
  assert.match((await metadata.json()).error_description, /https/);
  const { headers } = await fetch(`${own.base}/mcp`, { method: 'POST' });
  assert.doesNotMatch(headers.get('www-authenticate'), /resource_metadata/);
});

test('a return path leads nowhere else', async () => {
  for (const bad of ['https://evil.example/', '//evil.example/', '/\\evil.example', 'javascript:alert(1)', '/a\r\nb', '/a b']) {
    const person = new Person();
    const page = await person.open(`${connek.base}/sign-in?return=${encodeURIComponent(bad)}`);
    const after = await person.press(page, 'Sign in', { email: marketing, password });
    assert.equal(after.url, `${connek.base}/account`, bad);
  }
});

test('sign-up is closed unless the operator opens it; an address that is taken is not', async (t) => {
  assert.equal((await new Person().open(`${connek.base}/sign-up`)).status, 404);
  const own = await Connek.serving(t, { args: ['--allow-sign-up'] });
  const person = new Person();
  const made = await person.press(await person.open(`${own.base}/sign-up`), 'Make it', { name: 'Initech', email: 'owner@initech.example', password, again: password });
  assert.match(made.text, /Initech \(owner\)/);
  const other = new Person();
  const taken = await other.press(await other.open(`${own.base}/sign-up`), 'Make it', { name: 'Mine', email: finance, password, again: password });
  assert.equal(taken.status, 409);
});

test('who signed up with an address that another organisation invites is nobody there without its link', async (t) => {
  const own = await Connek.serving(t, { args: ['--allow-sign-up'] });
  const squatter = new Person();
  await squatter.press(await squatter.open(`${own.base}/sign-up`), 'Make it', { name: 'Squat', email: 'new@acme.example', password, again: password });
  await own.ok('user', 'invite', 'new@acme.example', '--organisation', 'acme');
  const page = await squatter.open(`${own.base}/account`);
  assert.match(page.text, /Squat \(owner\)/);
  assert.doesNotMatch(page.text, /acme \(/);
});

test('with the second step a password alone opens nothing; a code works once, a recovery code too', async (t) => {
  const own = await Connek.serving(t);
  const person = await member(own, finance);
  const page = await person.open(`${own.base}/account/two-step`);
  const secret = /<code>([A-Z2-7]{32})<\/code>/.exec(page.text)[1];
  // What a camera reads, what the link says on the phone itself, and the key to type are one.
  const address = `otpauth://totp/Connek:finance%40acme.example?secret=${secret}&issuer=Connek`;
  assert.equal(readQr(/<svg class="qr".*?<\/svg>/s.exec(page.text)[0]), address);
  assert.ok(page.text.includes(`href="${address.replace('&', '&amp;')}"`));
  const step = stepNow();
  assert.equal((await person.press(page, 'Turn on', { code: '000000' })).status, 401);
  const on = await person.press(await person.open(`${own.base}/account/two-step`), 'Turn on', { code: oneTimeCode(secret, step) });
  const codes = [...on.text.matchAll(/<code>([a-z2-90-]{19})<\/code>/g)].map((found) => found[1]);
  assert.equal(codes.length, 10, on.text);

  const again = new Person();
  const asked = await again.signIn(own.base, finance, password);
  assert.match(asked.url, /\/sign-in\/code/);
  assert.match((await again.open(`${own.base}/account`)).url, /\/sign-in\/code/);
  assert.match((await again.open(`${own.base}/oauth/authorize?client_id=x`)).url, /\/sign-in\/code/);
  assert.equal((await again.press(asked, 'Go on', { code: oneTimeCode(secret, step) })).status, 401, 'used already');
  const inside = await again.press(await again.open(`${own.base}/sign-in/code`), 'Go on', { code: oneTimeCode(secret, step + 1) });
  assert.match(inside.url, /\/account/);

  const lost = new Person();
  const entered = await lost.press(await lost.signIn(own.base, finance, password), 'Go on', { code: codes[3].toUpperCase() });
  assert.match(entered.url, /\/account/);
  const twice = new Person();
  assert.equal((await twice.press(await twice.signIn(own.base, finance, password), 'Go on', { code: codes[3] })).status, 401);
});

test('wrong codes of the second step are counted in the database: neither another address nor a restart gives more tries', async (t) => {
  const own = await Connek.serving(t, { args: ['--trusted-proxy', '127.0.0.1'] });
  const person = await member(own, finance);
  const page = await person.open(`${own.base}/account/two-step`);
  const secret = /<code>([A-Z2-7]{32})<\/code>/.exec(page.text)[1];
  const on = await person.press(page, 'Turn on', { code: oneTimeCode(secret) });
  const [, recovery] = /<code>([a-z2-90-]{19})<\/code>/.exec(on.text);
  let n = 0;
  const half = async () => {
    const one = new Person({ headers: { 'X-Forwarded-For': `203.${++n}.113.1` } }); // somebody else each time
    return { one, asked: await one.signIn(own.base, finance, password) };
  };
  const wrong = async () => {
    const { one, asked } = await half();
    return one.press(asked, 'Go on', { code: '000000' });
  };
  for (let i = 0; i < 5; i++) assert.match((await wrong()).text, /not the code of now/);
  await own.restart();
  for (let i = 0; i < 5; i++) assert.match((await wrong()).text, /not the code of now/);
  const { one, asked } = await half();
  const kept = await one.press(asked, 'Go on', { code: oneTimeCode(secret, stepNow() + 1) });
  assert.equal(kept.status, 401);
  assert.match(kept.text, /Too many wrong codes in a row/);
  // A quarter of an hour later one is looked at.
  const later = () => sql(own, 'UPDATE login_totp SET failed_at = failed_at - 901000000');
  await later();
  assert.match((await wrong()).text, /not the code of now/);
  assert.match((await wrong()).text, /Too many wrong codes in a row/);
  const lost = await half();
  assert.match((await lost.one.press(lost.asked, 'Go on', { code: recovery })).url, /\/account/, 'a recovery code is a way in meanwhile');
  assert.match((await wrong()).text, /not the code of now/, 'and begins anew');
  const again = await half();
  assert.match((await again.one.press(again.asked, 'Go on', { code: oneTimeCode(secret, stepNow() + 1) })).url, /\/account/);
});

test('a reset leaves the second step on, unless the operator says that the app is lost, which is on record', async (t) => {
  const own = await Connek.serving(t);
  const person = await member(own, finance);
  const page = await person.open(`${own.base}/account/two-step`);
  const secret = /<code>([A-Z2-7]{32})<\/code>/.exec(page.text)[1];
  await person.press(page, 'Turn on', { code: oneTimeCode(secret) });
  const link = async (...args) => JSON.parse(await own.ok('user', 'reset', finance, '--json', '--public-url', own.base, ...args)).link;
  const halfway = new Person();
  const asked = await halfway.accept(await link(), { password: 'another fine password' });
  assert.match(asked.url, /\/sign-in\/code/);
  assert.match((await halfway.open(`${own.base}/account`)).url, /\/sign-in\/code/);
  assert.match((await halfway.press(asked, 'Go on', { code: oneTimeCode(secret, stepNow() + 1) })).url, /\/account/);
  const lost = new Person();
  assert.match((await lost.accept(await link('--no-second-step'), { password: 'a third fine password' })).url, /\/account/);
  assert.match((await new Person().signIn(own.base, finance, 'a third fine password')).url, /\/account/);
  const words = (await own.audit()).map(({ tool }) => tool).filter((word) => /^user\.(reset|end)/.test(word));
  assert.deepEqual(words.sort(), ['user.end_second_step', 'user.reset', 'user.reset']);
});
