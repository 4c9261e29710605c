import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareWithSource } from './compare-guest.ts';
import { findGuest, guestHash, GUESTS_FOLDER, recipeOf, type Guest } from './guest-cache.ts';
import { bootAsIs, convertAndBoot, convertGuest, judgeAsIs, planFix, virtV2vAndBoot } from './matrix-stages.ts';
import { matrixReport, type MatrixRow } from './matrix-table.ts';
import { packGuest } from './ovf-package.ts';
import { RECIPES } from './recipes/index.ts';

/**
 * `npm run guests:matrix -- [--stage STAGE]... [--stored] [NAME...]`: measures what each guest does on virtio before
 * the fix, after the fix, and after virt-v2v of the same package.
 * Results are stored next to the guest, so that stages can run separately. `--stored` only prints the stored results.
 */

const STAGES = ['vmware', 'before', 'judge', 'plan', 'after', 'compare', 'virt-v2v'] as const;
type Stage = (typeof STAGES)[number];

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function recordPath(name: string): string {
  return join(GUESTS_FOLDER, `${name}.matrix.json`);
}

/** Reads the stored results of the current build of the guest. */
async function readRow({ recipe }: Guest): Promise<MatrixRow> {
  const path = recordPath(recipe.name);
  if (!existsSync(path)) return {};
  const { hash, row } = JSON.parse(await readFile(path, 'utf8')) as { hash: string; row: MatrixRow };
  return hash === guestHash(recipe) ? row : {};
}

async function measure(guest: Guest, stage: Stage, folder: string): Promise<MatrixRow> {
  if (stage === 'vmware') return { vmware: await bootAsIs(guest, 'vmware') };
  if (stage === 'before') return { before: await bootAsIs(guest, 'virtio') };
  if (stage === 'judge') return { judged: await judgeAsIs(guest, join(folder, 'output')) };
  const descriptor = await packGuest(guest, join(folder, 'source'));
  const output = join(folder, 'output');
  if (stage === 'plan') return { plan: await planFix(guest, descriptor, output) };
  if (stage === 'after') return { after: await convertAndBoot(guest, descriptor, output) };
  if (stage === 'compare') {
    const converted = await convertGuest(guest, descriptor, output);
    if ('refused' in converted) throw new Error(`it was not converted: ${converted.refused.reasons.join(' ')}`);
    return { compare: await compareWithSource(guest, converted.disks[0] ?? '', folder) };
  }
  await mkdir(output);
  return { 'virt-v2v': await virtV2vAndBoot(guest, descriptor, output) };
}

async function runStage(guest: Guest, stage: Stage): Promise<void> {
  const { name } = guest.recipe;
  const folder = await mkdtemp(join(GUESTS_FOLDER, `${name}-matrix-`));
  try {
    const measured = await measure(guest, stage, folder);
    say(`${name}: ${stage}: ${JSON.stringify(measured)}`);
    const row = { ...(await readRow(guest)), ...measured, date: new Date().toISOString().slice(0, 10) };
    await writeFile(recordPath(name), `${JSON.stringify({ hash: guestHash(guest.recipe), row }, undefined, 2)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function stageOf(word: string): Stage {
  const stage = STAGES.find((each) => each === word);
  if (stage === undefined) throw new Error(`no stage is called ${word}; there are ${STAGES.join(', ')}`);
  return stage;
}

const { values, positionals } = parseArgs({
  options: { stage: { type: 'string', multiple: true }, stored: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const stages = values.stored ? [] : (values.stage?.map(stageOf) ?? STAGES);
const rows: [string, MatrixRow][] = [];
for (const { name } of positionals.length > 0 ? positionals.map(recipeOf) : RECIPES) {
  const guest = findGuest(name);
  if (guest === undefined) {
    say(`${name}: is not built: npm run guests -- ${name}`);
    continue;
  }
  // A conversion changes the other guests, in more ways than can be predicted.
  for (const stage of stages) if (stage !== 'compare' || name === 'fit') await runStage(guest, stage);
  rows.push([name, await readRow(guest)]);
}
process.stdout.write(matrixReport(rows));
