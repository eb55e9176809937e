// Shared by the browser tests: a folder with a scripted model, the built program, Chromium, and checks of a page in
// both colour schemes and at two widths.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const { REDRAFT, CHROMIUM, BROWSER_MODULES, SCREENSHOTS } = process.env;
const require = createRequire(join(BROWSER_MODULES, 'package.json'));
const { chromium } = require('playwright-core');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Time limit of a wait, in milliseconds. */
export const PATIENCE = 60_000;

const scopes = new WeakMap();

/** Runs `end` after the test, last in first out. Every one runs, even if another fails. */
export function atEnd(t, end) {
  if (!scopes.has(t)) {
    scopes.set(t, []);
    t.after(async () => {
      const failed = [];
      for (const last of scopes.get(t).reverse()) await Promise.resolve().then(last).catch((error) => failed.push(error));
      if (failed.length) throw failed[0];
    });
  }
  scopes.get(t).push(end);
}

/** Starts a server on a free port of 127.0.0.1, until the test ends; returns the port. */
export async function listen(t, handle) {
  const server = http.createServer((request, response) => {
    Promise.resolve(handle(request, response)).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}

/** A promise `done` that `come()` resolves. */
export function event() {
  let come;
  const done = new Promise((resolve) => { come = resolve; });
  return { done, come };
}

const AGENTS = ['Planner', 'Coder', 'Reviewer'];

/**
 * A model server in OpenAI's format. Each agent has a list of answers; the last one repeats. An answer is a text, or
 * a function that gets `send(text)` and returns at the end of the answer.
 */
async function model(t, answers) {
  const prompts = [];
  const at = {};
  const port = await listen(t, async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(404).end();
    const parts = [];
    for await (const part of request) parts.push(part);
    const { messages } = JSON.parse(Buffer.concat(parts));
    const prompt = messages.map((message) => message.content).join('\n');
    prompts.push(prompt);
    const agent = AGENTS.find((name) => prompt.startsWith(`You are the ${name}`));
    const list = answers[agent.toLowerCase()];
    at[agent] = (at[agent] ?? -1) + 1;
    const answer = list[Math.min(at[agent], list.length - 1)];
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const put = (value) => response.write(`data: ${JSON.stringify(value)}\n\n`);
    const send = (content) => put({ choices: [{ index: 0, delta: { content } }] });
    if (typeof answer === 'string') send(answer);
    else await answer(send);
    put({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    put({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 10 } });
    response.end('data: [DONE]\n\n');
  });
  return { port, prompts };
}

/** A folder with an empty home and a scripted model, removed after the test. */
export async function world(t, answers, more = '') {
  const folder = mkdtempSync(join(tmpdir(), 'redraft-browser-'));
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
  const scripted = await model(t, answers);
  const home = join(folder, 'home');
  mkdirSync(join(home, '.config/redraft'), { recursive: true });
  writeFileSync(join(home, '.config/redraft/config.yaml'),
    `model: local/m\nproviders:\n  local: { kind: openai, base_url: 'http://127.0.0.1:${scripted.port}/v1', ` +
    `retry_seconds: 0.001, timeout: 60, structured: false }\n${more}`);
  const env = { HOME: home, NO_PROXY: '*', PIP_NO_INDEX: '1', UV_NO_INDEX: '1' };
  for (const name of ['PATH', 'PYENV_ROOT', 'PYENV_VERSION']) if (process.env[name]) env[name] = process.env[name];
  const start = (...args) => spawn(REDRAFT, args, { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'] });
  return { folder, start, prompts: scripted.prompts };
}

/** Runs the program with `input` on standard input; returns its exit code. */
export async function run(world, args, input = '') {
  const child = world.start(...args);
  child.stdin.end(input);
  child.stdout.resume();
  const [code] = await once(child, 'close');
  return code;
}

/** Starts `redraft serve`, until the test ends; returns its address with the token. */
export async function serve(t, world) {
  const child = world.start('serve', '--listen', '127.0.0.1:0', '--json');
  const ended = once(child, 'close');
  atEnd(t, async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const url = new URL(JSON.parse(line).url);
  return { url: url.href, origin: url.origin, port: url.port };
}

/** Starts Chromium, until the test ends. Subdomains of `evil.example` resolve to 127.0.0.1. */
export async function browser(t) {
  const opened = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--disable-gpu', '--disable-quic', '--host-resolver-rules=MAP *.evil.example 127.0.0.1'],
  });
  atEnd(t, () => opened.close());
  return opened;
}

/** The faults of each page. */
const wrongs = new WeakMap();

/**
 * Opens a page in a fresh profile. The test fails if the page logs an error (as for a failed load, or a violation of
 * its policy), throws, opens a dialog, or requests anything outside `origins`. `allowed` matches expected messages.
 */
export async function page(t, opened, origins, allowed = /^$/) {
  const context = await opened.newContext();
  const made = await context.newPage();
  made.setDefaultTimeout(PATIENCE);
  const wrong = [];
  wrongs.set(made, wrong);
  made.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  made.on('console', (said) => {
    if (['error', 'warning'].includes(said.type()) && !allowed.test(said.text())) wrong.push(said.text());
  });
  made.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  made.on('request', (request) => {
    if (!origins.some((origin) => request.url().startsWith(origin))) wrong.push(`asked for ${request.url()}`);
  });
  atEnd(t, () => assert.equal(wrong.join('\n'), '', 'the page has faults'));
  return made;
}

/**
 * Checks a page light and dark, wide and narrow, with all `details` open: no horizontal overflow; no fault by axe
 * (narrow and light, wide and dark). Takes screenshots if `SCREENSHOTS` is set.
 */
export async function look(shown, name) {
  const shoot = async (suffix) => {
    if (SCREENSHOTS) await shown.screenshot({ path: join(SCREENSHOTS, `${name}-${suffix}.png`), fullPage: true });
  };
  const folded = await shown.locator('details:not([open])').elementHandles();
  const fold = (open) => Promise.all(folded.map((one) => one.evaluate((element, to) => { element.open = to; }, open)));
  for (const colorScheme of ['light', 'dark']) {
    await shown.emulateMedia({ colorScheme });
    for (const [size, width] of [['narrow', 360], ['wide', 1280]]) {
      await shown.setViewportSize({ width, height: 900 });
      await shoot(`${size}-${colorScheme}`);
      await fold(true);
      if (folded.length) await shoot(`${size}-${colorScheme}-unfolded`);
      const wrong = await shown.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth === clientWidth) return [];
        const wide = [...document.body.querySelectorAll('*')]
          .filter((one) => one.getBoundingClientRect().right > clientWidth);
        return [`${scrollWidth - clientWidth} pixels of overflow: ${wide.at(-1)?.outerHTML.slice(0, 200)}`];
      });
      if ((size === 'narrow') === (colorScheme === 'light')) wrong.push(...await faults(shown));
      wrongs.get(shown).push(...wrong.map((fault) => `${name}, ${size}, ${colorScheme}: ${fault}`));
      await fold(false);
    }
  }
}

/** The violations that axe finds, one text each. */
async function faults(shown) {
  await shown.evaluate(AXE);
  const violations = await shown.evaluate(async () => {
    // Sections that are laid out only when visible would move while axe scrolls.
    const settled = new CSSStyleSheet();
    settled.replaceSync('* { content-visibility: visible !important }');
    document.adoptedStyleSheets = [settled];
    const found = await globalThis.axe.run();
    document.adoptedStyleSheets = [];
    return found.violations;
  });
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map((node) => `${impact} ${id}: ${node.html.slice(0, 200)}: ${node.failureSummary}`));
}

/** A fenced script. */
export const fenced = (script) => `Here it is:\n\`\`\`python\n${script}\n\`\`\`\n`;
