import { expect, test } from '@jest/globals';
import { string } from 'valibot';
import { laterVersion, readRecord, recordSchema, recordText } from '../../../src/base/records/read-record.ts';

const Schema = recordSchema({ name: string() });

test('a record is read as it was written, with its version', () => {
  expect(recordText({ name: 'web' })).toBe('{"schemaVersion":1,"name":"web"}\n');
  expect(readRecord(recordText({ name: 'web' }), Schema)).toEqual({ schemaVersion: 1, name: 'web' });
});

test('a record of a release that wrote no version is read as version 1, without fields that nobody knows', () => {
  expect(readRecord('{"version":1,"name":"web"}', Schema)).toEqual({ schemaVersion: 1, name: 'web' });
});

test.each([
  '',
  'null',
  '7',
  '[]',
  '{',
  '{"name":7}',
  '{"schemaVersion":2,"name":"web"}',
  '{"schemaVersion":"1","name":"a"}',
])('%j is not such a record', (text) => {
  expect(readRecord(text, Schema)).toBeUndefined();
});

test('a record of a later release is recognised', () => {
  expect(laterVersion('{"schemaVersion":2}')).toBe(2);
  expect(['{"schemaVersion":1}', '{}', 'no JSON', 'null'].map(laterVersion)).toEqual(Array(4).fill(undefined));
});
