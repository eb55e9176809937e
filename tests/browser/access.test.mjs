// Access control, with what a real browser sends on its own: cookies, Origin, Host, content types.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, listen, serve, world } from './support.mjs';

const NEW = JSON.stringify({ request: 'count to two', name: 'mine' });
const ANSWERS = { planner: ['no plan'], coder: ['no script'], reviewer: ['no review'] };

/** The status of each request as the page sees it, or `nothing`. */
const statuses = (shown, requests) => shown.evaluate((all) => Promise.all(all.map(async ([path, options]) => {
  const answer = await fetch(path, options).catch(() => null);
  return answer ? answer.status : 'nothing';
})), requests);

test('requests need the token, an own host name and JSON', async (t) => {
  const here = await world(t, ANSWERS);
  const served = await serve(t, here);
  const opened = await browser(t);
  const goto = async (shown, url) => {
    const answer = await shown.goto(url);
    return [answer.status(), (await shown.textContent('body')).trim()];
  };
  const { searchParams } = new URL(served.url);
  const token = searchParams.get('token');

  const stranger = await opened.newPage();
  const asked = 'open the address that `redraft serve` printed, with its token';
  for (const path of ['/', '/page.js', '/sessions/mine', '/nothing']) {
    assert.deepEqual(await goto(stranger, served.origin + path), [403, asked], path);
  }
  assert.equal((await goto(stranger, `${served.origin}/?token=${token.replace(/^./, '_')}`))[0], 403);
  // A foreign name that resolves to this machine (DNS rebinding), even with the token.
  const [status, said] = await goto(stranger, `http://here.evil.example:${served.port}/?token=${token}`);
  assert.deepEqual([status, said], [403, 'this server is not called that']);

  const own = await opened.newPage();
  assert.equal((await goto(own, served.url))[0], 200);
  assert.equal(await own.evaluate('document.cookie'), '', 'scripts cannot read the cookie');
  const post = (type) => ['/sessions', { method: 'POST', body: NEW, headers: type ? { 'Content-Type': type } : {} }];
  const refused = await statuses(own, [
    post('text/plain'),
    post('application/x-www-form-urlencoded'),
    post('multipart/form-data; boundary=x'),
    post(''),
    ['/sessions/mine', { method: 'DELETE' }],
  ]);
  assert.deepEqual(refused, [415, 415, 415, 415, 405]);
  assert(!existsSync(join(here.folder, 'sessions')), 'no session was created');
  assert.deepEqual(await statuses(own, [post('application/json')]), [201]);
});

test('a page from another origin gets nothing, even in a browser with the cookie', async (t) => {
  const here = await world(t, ANSWERS);
  const served = await serve(t, here);
  const evil = await listen(t, (request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><title>evil</title><iframe name=frame></iframe>
      <form method=post target=frame enctype=text/plain action="${served.origin}/sessions">
      <input name='{"request":"x","name":"mine","a' value='":1}'></form>`);
  });
  const opened = await browser(t);
  const context = await opened.newContext();
  const own = await context.newPage();
  await own.goto(served.url);
  const shown = await context.newPage();
  // Another port of the same host is the same site: the browser sends the cookie.
  await shown.goto(`http://127.0.0.1:${evil}/`);
  const json = { method: 'POST', body: NEW, headers: { 'Content-Type': 'application/json' }, credentials: 'include' };
  const simple = { method: 'POST', body: NEW, mode: 'no-cors', credentials: 'include' };
  const to = (path, options) => [served.origin + path, options];
  assert.deepEqual(await statuses(shown, [
    to('/', { credentials: 'include' }),
    to('/', { credentials: 'include', mode: 'no-cors' }),
    to('/page.js', { credentials: 'include', mode: 'no-cors' }),
    to('/sessions', json),
    to('/sessions', simple),
    to('/sessions/mine/stop', simple),
  ]), Array(6).fill('nothing'));
  const loads = (name, attribute, path) => shown.evaluate(([name, attribute, url]) => new Promise((resolve) => {
    const element = document.createElement(name);
    element.onload = () => resolve(true);
    element.onerror = () => resolve(false);
    element[attribute] = url;
    document.body.append(element);
  }), [name, attribute, served.origin + path]);
  assert.equal(await loads('script', 'src', '/page.js'), false);
  assert.equal(await loads('img', 'src', '/favicon.ico'), false);
  const listens = await shown.evaluate((url) => new Promise((resolve) => {
    const source = new EventSource(url, { withCredentials: true });
    source.onopen = () => resolve(true);
    source.onerror = () => resolve(false);
  }), `${served.origin}/sessions/mine/events`);
  assert.equal(listens, false);
  // Forms and frames need no permission to send a request.
  const posted = shown.waitForResponse(`${served.origin}/sessions`);
  await shown.evaluate('document.forms[0].submit()');
  assert.equal((await posted).status(), 403);
  const framed = shown.waitForResponse(`${served.origin}/`);
  await shown.evaluate((url) => { document.querySelector('iframe').src = url; }, `${served.origin}/`);
  assert.match(await (await framed).headerValue('content-security-policy'), /frame-ancestors 'none'/);
  await shown.frame('frame').waitForURL(/^chrome-error:/);
  assert(!existsSync(join(here.folder, 'sessions')), 'no session was created');
});
