// A whole session in a browser, from the task to an accepted script.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, event, fenced, listen, look, page, serve, world } from './support.mjs';

const plan = (colour) => `A picture of the numbers.\n` +
  `R1: It draws a bar for each number, in ${colour}. Check: look at chart.png.\n` +
  'R2: It prints what the host says. Check: read the output.\n\n## Writes\n\n- chart.png\n';

// Draws the numbers of `numbers.csv` as bars, and prints the answer of a host.
const script = (port, colour) => fenced(`import struct
import zlib
from urllib.request import urlopen


def part(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


with open("numbers.csv") as file:
    numbers = [int(line) for line in file]
print("the host says", urlopen("http://127.0.0.1:${port}/").read().decode())
width, height = 40 * len(numbers), 100
colour, white = b"${colour}", b"\\xff\\xff\\xff"
rows = b""
for y in range(height):
    row = b"".join((colour if height - y <= number else white) * 40 for number in numbers)
    rows += b"\\0" + row
with open("chart.png", "wb") as file:
    file.write(b"\\x89PNG\\r\\n\\x1a\\n")
    file.write(part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
    file.write(part(b"IDAT", zlib.compress(rows)))
    file.write(part(b"IEND", b""))
print(len(numbers), "bars")`);

const REVIEW = 'R1: met\nR2: met\n- [nit] R1 "rows = b\\"\\"" the bars have no names\nVERDICT: ACCEPT\n';

test('a session goes from its task to an accepted script', async (t) => {
  const host = await listen(t, (_, response) => response.end('good morning'));
  const [follows, rest] = [event(), event()];
  const slowly = async (send) => {
    const text = plan('red');
    await follows.done;
    send(text.slice(0, 60));
    await rest.done;
    send(text.slice(60));
  };
  const here = await world(t, {
    planner: [slowly, plan('blue')],
    coder: [script(host, '\\x20\\x40\\xc0'), script(host, '\\xc0\\x20\\x20')],
    reviewer: [REVIEW],
  });
  const served = await serve(t, here);
  // The refused edit below is logged.
  const shown = await page(t, await browser(t), [served.origin], /status of 422/);
  const gate = shown.locator('#gate');
  const asks = (question) => gate.getByRole('heading', { name: question }).waitFor();

  await shown.goto(served.url);
  assert.equal(shown.url(), `${served.origin}/`, 'the token is removed from the address');
  await look(shown, 'list-empty');

  // Start a session with a data file.
  await shown.getByLabel('What should the script do?').fill('draw the numbers as bars, and ask the host how it is');
  await shown.getByLabel('Name').fill('bars');
  await shown.getByLabel('Preset').selectOption('guided');
  await shown.getByLabel('Data files').setInputFiles({
    name: 'numbers.csv', mimeType: 'text/csv', buffer: Buffer.from('20\n90\n50\n'),
  });
  const events = shown.waitForResponse(`${served.origin}/sessions/bars/events`);
  await shown.getByRole('button', { name: 'Start' }).click();
  await shown.waitForURL(`${served.origin}/sessions/bars`);
  assert.equal(readFileSync(join(here.folder, 'sessions/bars/data/numbers.csv'), 'utf8'), '20\n90\n50\n');

  // The text is shown while the model continues.
  await events;
  follows.come();
  await shown.locator('#text', { hasText: 'A picture of the numbers.' }).waitFor();
  await shown.locator('#doing', { hasText: 'planner' }).waitFor();
  // A page that is opened later shows it too.
  await shown.reload();
  await shown.locator('#doing', { hasText: 'planner' }).waitFor();
  await shown.locator('#text', { hasText: 'A picture of the numbers.' }).waitFor();
  await look(shown, 'streaming');
  rest.come();

  // Revise and approve the plan.
  await asks('Is this the plan?');
  await gate.getByText('in red').first().waitFor();
  await look(shown, 'plan');
  await gate.locator('form[data-answer=say] textarea').fill('in blue, please');
  await gate.getByRole('button', { name: 'say' }).click();
  await gate.getByText('in blue').first().waitFor();
  assert.match(here.prompts.at(-1), /in blue, please/);
  await gate.getByRole('button', { name: 'approve' }).click();

  // Allow the host.
  await asks('May it?');
  await gate.getByText(`reach 127.0.0.1:${host} over the network`).first().waitFor();
  await look(shown, 'permission');
  await gate.getByRole('button', { name: 'allow' }).click();

  // Output and picture of a version; feedback; accept.
  await asks('What now?');
  await gate.getByText('the host says good morning').waitFor();
  await seen(gate.locator('img'));
  await look(shown, 'version-gate');
  // A refused edit stays as it was typed.
  const edit = gate.locator('form[data-answer=edit]');
  await gate.locator('details', { has: shown.locator('form[data-answer=edit]') }).locator('summary').click();
  await edit.locator('textarea').fill('print(');
  const asked = shown.waitForResponse(`${served.origin}/sessions/bars/gate`);
  await edit.getByRole('button').click();
  await shown.locator('#problem', { hasText: 'line 1' }).waitFor();
  await (await asked).finished();
  await shown.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
  assert.equal(await edit.locator('textarea').inputValue(), 'print(');
  await gate.locator('form[data-answer=feedback] textarea').fill('red after all');
  await gate.getByRole('button', { name: 'feedback' }).click();
  await gate.getByText('v2: ').waitFor();
  assert(here.prompts.some((prompt) => prompt.startsWith('You are the Coder') && prompt.includes('red after all')));
  await seen(gate.locator('img'));
  await gate.getByRole('button', { name: 'accept', exact: true }).click();
  await shown.locator('#body').getByText('accepted v2').first().waitFor();
  await shown.locator('#doing', { hasText: 'ended' }).waitFor();
  await look(shown, 'accepted');

  // The list, a version, the changes.
  await shown.goto(served.origin);
  await shown.getByRole('cell', { name: 'accepted v2' }).waitFor();
  await look(shown, 'list');
  await shown.getByRole('link', { name: 'bars' }).click();
  await shown.getByRole('link', { name: 'v2', exact: true }).click();
  await seen(shown.locator('main img'));
  await shown.getByRole('button', { name: 'Run it again in the sandbox' }).click();
  await shown.locator('#ran').getByText('3 bars').waitFor();
  await look(shown, 'version');
  await shown.getByRole('link', { name: 'changes since v1' }).click();
  await shown.locator('.diff ins').first().waitFor();
  await look(shown, 'changes');
});

/** Waits until a picture is loaded. */
async function seen(picture) {
  await picture.first().waitFor();
  await picture.first().evaluate((image) => image.decode());
  assert((await picture.first().evaluate((image) => image.naturalWidth)) > 0);
}
