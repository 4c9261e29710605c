/** Returns what the changelog still needs before a version can be released. Sections are `## VERSION`, newest first, after `## Unreleased`. */
export function changelogProblems(changelog: string, version: string): string[] {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/[\s(]/, 1)[0] === version);
  if (section === undefined) return [`CHANGELOG.md has no section ${version}.`];
  const problems = /^- /m.test(section) ? [] : [`The section ${version} of CHANGELOG.md is empty.`];
  const unreleased = sections.find((text) => text.startsWith('Unreleased')) ?? '';
  if (/^- /m.test(unreleased)) {
    problems.push(`CHANGELOG.md has unreleased changes: move them to the section ${version}.`);
  }
  return problems;
}
