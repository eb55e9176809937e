// Text of models, scripts and files is shown as text, whatever it contains.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, event, fenced, look, page, run, serve, world } from './support.mjs';

const OWN = 'document.documentElement.dataset.owned=1';
const EVIL = `\u202edesrever</pre></textarea></title></script><script>${OWN}</script><img src=x onerror=${OWN}>` +
  `<a href="javascript:${OWN}">x</a><svg onload=${OWN}>" autofocus onfocus=${OWN} '\`{{7*7}}`;
const FILE = `<img src=x onerror=${OWN}>`;
const MARK = '<script>';
const LONG = 'y'.repeat(1e6);

const SCRIPT = `import sys

evil = ${JSON.stringify(EVIL)}
print(evil)
print(evil, file=sys.stderr)
print("x" * 10**6)
with open(${JSON.stringify(`${FILE}.png`)}, "w") as file:
    file.write("<svg onload=${OWN}>")
with open(${JSON.stringify(`${FILE}.html`)}, "w") as file:
    file.write("<script>${OWN}</script>")`;

const ANSWERS = {
  planner: [`A page. ${EVIL}\nR1: It shows ${EVIL}. Check: ${EVIL}.\nR2: It counts. Check: read it.\n`],
  coder: [`${EVIL}\n${LONG}\n${fenced(SCRIPT)}`, fenced(`${SCRIPT}\n# ${EVIL}`)],
  reviewer: [`R1: not met\nR2: met\n- [blocker] R1 "print(evil)" it shows ${EVIL}\nVERDICT: ITERATE\n`],
};

/** Checks that a page shows the hostile text, and that none of it became an element, an attribute or a script. */
async function isText(shown, name) {
  const { scripts, handlers, owned, turned, text, loaded } = await shown.evaluate(() => ({
    scripts: [...document.scripts].filter((one) => !one.src && !one.textContent.startsWith('// Shows any two')).length,
    handlers: [...document.querySelectorAll('*')].filter((one) => one.localName === 'svg' ||
      [...one.attributes].some(({ name, value }) => /^on/.test(name) || /^javascript:/.test(value))).length,
    owned: document.documentElement.dataset.owned,
    turned: /[\u202a-\u202e\u2066-\u2069]/.test(document.documentElement.outerHTML),
    text: document.body.textContent,
    loaded: [...document.images].map((image) => image.getAttribute('src')).filter((src) => src === 'x').length,
  }));
  assert.deepEqual({ scripts, handlers, owned, turned, loaded },
    { scripts: 0, handlers: 0, owned: undefined, turned: false, loaded: 0 }, name);
  assert(text.includes(MARK) && text.includes('\\u{202e}desrever'), `${name} shows it`);
}

test('a session shows hostile text as text, live and later', async (t) => {
  const [follows, rest] = [event(), event()];
  const coder = async (send) => {
    const answer = ANSWERS.coder[0];
    await follows.done;
    send(answer.slice(0, EVIL.length + 1000));
    await rest.done;
    send(answer.slice(EVIL.length + 1000));
  };
  const here = await world(t, { ...ANSWERS, coder: [coder, ANSWERS.coder[1]] });
  const served = await serve(t, here);
  const shown = await page(t, await browser(t), [served.origin]);
  const gate = shown.locator('#gate');
  await shown.goto(served.url);
  await shown.getByLabel('What should the script do?').fill(`show ${EVIL}`);
  await shown.getByLabel('Name').fill('evil');
  const data = { name: `${FILE}.csv`, mimeType: 'text/csv', buffer: Buffer.from(`a,${EVIL}\n1,2\n`) };
  await shown.getByLabel('Data files').setInputFiles(data);
  await shown.getByRole('button', { name: 'Start' }).click();
  await gate.getByRole('heading', { name: 'Is this the plan?' }).waitFor();
  await isText(shown, 'the plan gate');
  await look(shown, 'evil-plan');
  await gate.getByRole('button', { name: 'approve' }).click();
  follows.come();
  await shown.locator('#text', { hasText: 'desrever' }).waitFor();
  await isText(shown, 'what is streamed');
  rest.come();
  await gate.getByRole('heading', { name: 'What now?' }).waitFor();
  await shown.locator('#news').getByText('F1: ').waitFor();
  assert((await shown.locator('#text').textContent()).length < 1 << 18, 'only the end of a long answer is kept');
  await isText(shown, 'the version gate');
  await look(shown, 'evil-version-gate');
  await gate.locator('form[data-answer=feedback] textarea').fill(EVIL);
  await gate.getByRole('button', { name: 'feedback' }).click();
  await gate.getByText('v2: ').waitFor();
  await gate.getByRole('button', { name: 'quit' }).click();
  await shown.locator('#doing', { hasText: 'ended' }).waitFor();

  await shown.goto(`${served.origin}/sessions/evil`);
  await isText(shown, 'the session');
  await shown.goto(`${served.origin}/sessions/evil/diff?from=1&to=2`);
  await isText(shown, 'the changes');
  await look(shown, 'evil-changes');
  await shown.goto(`${served.origin}/sessions/evil/versions/2`);
  await shown.getByRole('button', { name: 'Run it again' }).click();
  await shown.locator('#ran pre').first().getByText('desrever').waitFor();
  await isText(shown, 'the version');
  await look(shown, 'evil-version');
  // HTML that a script wrote is downloaded, not opened.
  const saved = shown.waitForEvent('download');
  await shown.getByRole('link', { name: '.html' }).click();
  assert.match((await saved).url(), /\.html$/);
  await shown.goto(served.origin);
  await isText(shown, 'the list');
  await look(shown, 'evil-list');
});

test('a report shows hostile text as text', async (t) => {
  const here = await world(t, ANSWERS);
  const args = ['new', `show ${EVIL}`, '--name', 'evil'];
  assert.equal(await run(here, args, `approve\nfeedback: ${EVIL}\nquit\n`), 3);
  assert.equal(await run(here, ['report', 'evil', '-o', 'evil.html']), 0);
  const shown = await page(t, await browser(t), ['file:']);
  await shown.goto(`file://${join(here.folder, 'evil.html')}`);
  await isText(shown, 'the report');
  await look(shown, 'evil-report');
});
