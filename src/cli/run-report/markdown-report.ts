import { safeText } from '../text/safe-text.ts';
import type { ReportItem, RunReport } from './report-rows.ts';
import { allRunFacts, noteLabel, tablesOf, titleOf } from './report-tables.ts';

/** The first line, which also identifies a report. */
export const MARKDOWN_MARK = '<!-- hyper2kvm report -->\n';

/** A report as Markdown, with tables as in GitHub Flavored Markdown. A screenshot is a path. */
export function markdownReport(report: RunReport): string {
  const overview =
    report.items.length < 2
      ? []
      : [
          table(
            ['VM', 'Result'],
            report.items.map(({ name, state }) => [escaped(name), state]),
          ),
        ];
  const blocks = [
    `# ${escaped(titleOf(report))}`,
    factTable(allRunFacts(report)),
    ...notes(report.notes),
    ...overview,
    ...report.items.flatMap(itemBlocks),
  ];
  return `${MARKDOWN_MARK}\n${blocks.join('\n\n')}\n`;
}

function itemBlocks(item: ReportItem): string[] {
  const { picture, console } = item;
  return [
    `## ${escaped(item.name)}: ${item.state}`,
    ...notes(item.notes),
    ...(item.facts.length === 0 ? [] : [factTable(item.facts)]),
    ...tablesOf(item).flatMap(({ caption, columns, rows }) => [
      `### ${caption}`,
      table(
        columns.map(({ header }) => header),
        rows.map(({ cells }) => cells.map(escaped)),
      ),
    ]),
    ...(picture === undefined ? [] : [`Screenshot: ${escaped(picture.path)}`]),
    ...(console.length === 0 ? [] : ['### Serial console', fenced(console)]),
  ];
}

function notes(all: ReportItem['notes']): string[] {
  if (all.length === 0) return [];
  return [all.map(({ level, text }) => `- **${noteLabel(level)}:** ${escaped(text)}`).join('\n')];
}

function factTable(facts: ReportItem['facts']): string {
  return table(
    ['', ''],
    facts.map(([label, value]) => [label, escaped(value)]),
  );
}

/** The cells are Markdown. A row can have fewer cells than columns. */
function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${headers.map((_, index) => cells[index] ?? '').join(' | ')} |`;
  return [line(headers), line(headers.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A code block whose fence is longer than each run of backticks in it. */
function fenced(lines: readonly string[]): string {
  const text = lines.map(safeText).join('\n');
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

/** Text of which Markdown interprets nothing. It never begins a line, so the signs of lists need no escape. */
function escaped(text: string): string {
  return safeText(text)
    .replaceAll(/[\\`*_[\]|~#$!]/g, String.raw`\$&`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
