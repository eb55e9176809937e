// The report of the example session.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, look, page, run, world } from './support.mjs';

test('a report shows pictures, compares any two versions and works by keyboard', async (t) => {
  const here = await world(t, {});
  cpSync(join(import.meta.dirname, '../../sessions/analog-clock'), join(here.folder, 'sessions/analog-clock'),
    { recursive: true });
  assert.equal(await run(here, ['report', 'analog-clock']), 0);
  const shown = await page(t, await browser(t), ['file:']);
  await shown.goto(`file://${join(here.folder, 'analog-clock.html')}`);
  const pictures = shown.locator('figure img');
  assert.equal(await pictures.count(), 2);
  for (const picture of await pictures.all()) {
    await picture.evaluate((image) => image.decode());
    assert((await picture.evaluate((image) => image.naturalWidth)) > 0);
  }
  await look(shown, 'report');
  await shown.getByLabel('From').selectOption('v1');
  await shown.getByLabel('To').selectOption('v2');
  await shown.locator('#chosen-status', { hasText: /^v1 to v2: \+\d+ −\d+ lines$/ }).waitFor();
  assert((await shown.locator('#chosen .new').count()) > 0);
  await shown.getByLabel('To').selectOption('v1');
  await shown.locator('#chosen-status', { hasText: 'v1 and v1 are the same' }).waitFor();
  // Keyboard only.
  await shown.reload();
  await shown.keyboard.press('Tab');
  await shown.keyboard.press('Enter');
  assert.equal(new URL(shown.url()).hash, '#main');
  await shown.getByRole('link', { name: 'Findings' }).press('Enter');
  assert.equal(new URL(shown.url()).hash, '#findings');
});
