import { expect, test } from '@jest/globals';
import { changelogProblems } from '../../bin/build/package/changelog.ts';

test.each([
  ['# Changelog\n\n## Unreleased\n\n## 1.2.0 (2026-12-01)\n\n- A change.\n\n## 1.1.0\n\n- Another.\n', []],
  ['## Unreleased\n\n- A change.\n', ['CHANGELOG.md has no section 1.2.0.']],
  ['## 1.2.0\n\n## 1.1.0\n\n- A change.\n', ['The section 1.2.0 of CHANGELOG.md is empty.']],
  [
    '## Unreleased\n\n- New.\n\n## 1.2.0\n\n- A change.\n',
    ['CHANGELOG.md has unreleased changes: move them to the section 1.2.0.'],
  ],
])('the changelog %j is ready for 1.2.0 but for %j', (changelog, problems) => {
  expect(changelogProblems(changelog, '1.2.0')).toEqual(problems);
});
