// A person with a browser, as far as pages without script need one: follows redirects, keeps cookies, fills in forms. It
// must know nothing of Connek but what its pages say.
import assert from 'node:assert/strict';

const unescape = (text) =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name]);

const attribute = (tag, name) => {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag);
  return found ? unescape(found[1]) : undefined;
};

// The forms of a page: { action, method, fields: { name: value } (what is chosen already), buttons: [{ label, name, value }] }
export function formsOf(html) {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => {
    const fields = {};
    for (const [tag] of form.matchAll(/<input\b[^>]*>/g)) {
      const type = attribute(tag, 'type');
      if ((type === 'radio' || type === 'checkbox') && !/\schecked\b/.test(tag)) continue;
      fields[attribute(tag, 'name')] = attribute(tag, 'value') ?? '';
    }
    const buttons = [...form.matchAll(/(<button\b[^>]*>)([^<]*)<\/button>/g)].map(([, tag, label]) => ({
      label: unescape(label),
      name: attribute(tag, 'name'),
      value: attribute(tag, 'value'),
    }));
    return { action: attribute(form, 'action'), fields, buttons };
  });
}

export class Person {
  cookies = new Map();

  constructor({ headers = {} } = {}) {
    this.headers = headers;
  }

  // One request; { status, headers, url, text }. Redirects are not followed.
  async request(url, { method = 'GET', form, headers = {} } = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        ...this.headers,
        ...(cookie && { Cookie: cookie }),
        ...(form && { 'Content-Type': 'application/x-www-form-urlencoded', Origin: new URL(url).origin }),
        ...headers,
      },
      body: form && new URLSearchParams(form).toString(),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) this.cookies.set(name, value);
      else this.cookies.delete(name);
    }
    return { status: response.status, headers: response.headers, url: String(url), text: await response.text() };
  }

  // The same, following redirects as long as they stay on this server; `location` is where it would go next. The dashboard
  // needs script: whoever is sent there looks at their account page, which does not.
  async open(url, options) {
    let page = await this.request(url, options);
    const { origin } = new URL(url);
    for (let i = 0; i < 10 && page.status === 303; i++) {
      const location = new URL(page.headers.get('location'), page.url);
      if (location.origin !== origin) return { ...page, location };
      page = await this.request(location.pathname === '/' ? new URL('/account', origin) : location);
    }
    return page;
  }

  // Fills in the page's form (the one with that button) and presses it.
  async press(page, label, values = {}, options = {}) {
    const form = formsOf(page.text).find(({ buttons }) => buttons.some((button) => button.label === label));
    assert.ok(form, `no button "${label}" on ${page.url}:\n${page.text}`);
    const button = form.buttons.find((one) => one.label === label);
    const fields = { ...form.fields, ...(button.name && { [button.name]: button.value }), ...values };
    for (const [name, value] of Object.entries(fields)) if (value === undefined) delete fields[name];
    return this.open(new URL(form.action, page.url), { method: 'POST', form: fields, ...options });
  }

  // From a link of `connek user invite`, or of the first start, to somebody who has signed in.
  async accept(link, { password, ...values }) {
    const page = await this.open(link);
    assert.equal(page.status, 200, page.text);
    const [form] = formsOf(page.text);
    return this.press(page, form.buttons[0].label, { password, ...('again' in form.fields && { again: password }), ...values });
  }

  async signIn(base, email, password) {
    return this.press(await this.open(`${base}/sign-in`), 'Sign in', { email, password });
  }
}
