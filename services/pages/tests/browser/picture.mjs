// The picture in the repository's README: the real program's live page after a few clicks.
// By hand: npm run picture
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeBrowser, newPage, reached, rowsShown, until } from './harness.mjs';
import { smaller } from './png.mjs';
import { Program } from './program.mjs';

const target = join(dirname(fileURLToPath(import.meta.url)), '../../../../docs/live-page.png');
const MOST_BYTES = 150_000;
/** Of two requests by a user and three payments. */
const LINES = 11;

const program = await Program.prepare();
try {
  await program.start();
  const page = await newPage({ viewport: { width: 1280, height: 720 }, colorScheme: 'dark' });
  await page.goto(program.live);
  await reached(page, 'live');
  await page.fill('[data-test=name]', 'ada');
  const press = async (button, outcome) => {
    await page.click(`[data-test=${button}]`);
    await page.locator('[data-test=answer]').first().locator('[data-test=outcome]').filter({ hasText: outcome }).waitFor();
  };
  await press('register', '201');
  await press('login', '200');
  await press('pay', 'confirmed');
  await press('sold-out', 'out_of_stock');
  await press('pay', 'confirmed');
  await until(async () => (await rowsShown(page).count()) === LINES, 'the lines of all that');
  await page.mouse.move(640, 4); // off the buttons
  const picture = smaller(await page.screenshot());
  if (page.faults.length) throw new Error(page.faults.join('\n'));
  if (picture.length > MOST_BYTES) throw new Error(`the picture would have ${picture.length} bytes`);
  writeFileSync(target, picture);
  console.log(`${target}: ${picture.length} bytes`);
} finally {
  await closeBrowser();
  await program.remove();
}
