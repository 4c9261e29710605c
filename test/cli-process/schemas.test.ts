import { expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ResumeRecord, resumeRecordPath } from '../../src/operations/export/history/resume-record.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, runProgram } from './program.ts';

const ajv = new Ajv();

/** Returns a validator for a published schema that also rejects fields without a definition: all of the program's output must be documented. */
function validatorOf(name: string): (value: unknown) => string[] {
  const text = readFileSync(new URL(`../../docs/schemas/${name}.schema.json`, import.meta.url), 'utf8');
  const validate = ajv.compile(closed(JSON.parse(text)) as object);
  return (value) => (validate(value) ? [] : [ajv.errorsText(validate.errors), JSON.stringify(value).slice(0, 2000)]);
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in parts && !('additionalProperties' in parts)
    ? { ...parts, additionalProperties: false }
    : parts;
}

test('documents of --json, and the records beside them, are as docs/schemas says', async () => {
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: [{ content: mixedContent(1 << 20, 'web') }] }],
  });
  await using scratch = await ScratchFolder.make();
  const state = join(scratch.path, 'state');
  const run = async (...args: string[]): Promise<unknown> => {
    const { stdout } = await runProgram([...args, '--json'], { env: environmentOf(server, state), cwd: scratch.path });
    return JSON.parse(stdout);
  };
  const check = async (schema: string, ...args: string[]): Promise<void> => {
    const document = await run(...args);
    expect({ args, problems: validatorOf(schema)(document) }).toEqual({ args, problems: [] });
    expect(document).toMatchObject({ schemaVersion: 1, warnings: expect.any(Array) });
  };
  const checkRecord = async (schema: string, path: string): Promise<void> => {
    const record: unknown = JSON.parse(await readFile(path, 'utf8'));
    expect({ path, problems: validatorOf(schema)(record) }).toEqual({ path, problems: [] });
  };

  await check('list', 'list');
  await check('export', 'export', 'web', '--dry-run');
  await check('export', 'export', 'web', '--skip-existing', '-o', 'ovf/');
  await check('export', 'export', 'web', '--skip-existing', '-o', 'ovf/');
  await check('export', 'export', 'web', '--keep=1', '-o', 'kept/');
  await check('export', 'export', 'web', '--format=raw', '--fix=off', '-o', 'raw/');
  await check('export', 'export', 'missing');
  await check('convert', 'convert', 'ovf/web.ovf', '--fix=off', '-o', 'converted/');
  await check('convert', 'convert', 'ovf/web.ovf', '--dry-run');
  await check('convert', 'convert', 'missing.vmdk');
  await check('info', 'info', 'ovf/web.ovf');
  await check('info', 'info', 'raw/web-disk-1.raw', '--input-format=raw');
  await check('verify', 'verify', 'ovf', 'kept');
  await check('verify', 'verify', 'missing');
  await check('completion', 'completion', 'bash');
  await check('cancel', 'cancel', 'missing');
  await check('status', 'status');
  await check('check', 'check', '--snapshot');
  await check('jobs', 'jobs');
  await check('jobs', 'jobs', 'show', 'last');
  await check('jobs', 'jobs', '--follow');
  const jobs = join(state, 'hyper2kvm', 'jobs');
  const records = (await readdir(jobs)).filter((name) => name.endsWith('.json'));
  expect(records.length).toBeGreaterThan(3);
  await check('status', 'status', '--job', records[0]?.replace('.json', '') ?? '');

  for (const name of records) await checkRecord('job-record', join(jobs, name));
  await checkRecord('completion-record', join(scratch.path, 'ovf', '.web.hyper2kvm-whole'));
  const generation = (await readdir(join(scratch.path, 'kept', 'web'))).find((name) => /^\d/.test(name)) ?? '';
  await checkRecord('generation-record', join(scratch.path, 'kept', 'web', generation, '.hyper2kvm-generation'));
  const resume = await ResumeRecord.load(scratch.path, 'web');
  const member = { name: 'web-disk-1.vmdk', sizeBytes: 1, sha256: '00' };
  const file = { member, key: '/vm-1/VirtualLsiLogicController0:0', isDisk: true, capacityBytes: 1, populatedBytes: 1 };
  await resume.begin({ identity: 'x', format: 'ovf', ownSnapshot: { moRef: 'snapshot-1', name: 'x' }, files: [file] });
  await checkRecord('resume-record', resumeRecordPath(scratch.path, 'web'));
});
