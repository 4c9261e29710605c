import { createHash } from 'node:crypto';
import { safeText } from '../text/safe-text.ts';
import { REPORT_STYLE } from './html-style.ts';
import type { ReportItem, RunReport } from './report-rows.ts';
import { allRunFacts, noteLabel, tablesOf, titleOf, type ReportTable } from './report-tables.ts';

/** The first lines, which also identify a report. */
export const HTML_MARK = '<!doctype html>\n<!-- hyper2kvm report -->\n';

/** Allows the style of the report and pictures in it, and nothing else: no script and no request. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(REPORT_STYLE).digest('base64')}'; img-src data:; base-uri 'none'; form-action 'none'`;

/** A report as one HTML file, without scripts and without anything from elsewhere. */
export function htmlReport(report: RunReport): string {
  const title = escaped(titleOf(report));
  return `${HTML_MARK}<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${facts(allRunFacts(report))}
${notes(report.notes)}
${report.items.length > 1 ? overview(report.items) : ''}
${report.items.map(section).join('\n')}
</main>
</body>
</html>
`;
}

function overview(items: readonly ReportItem[]): string {
  const rows = items.map(
    (item, index) => `<li><a href="#vm-${index + 1}">${escaped(item.name)}</a> ${badge(item)}</li>`,
  );
  return `<ol class="overview">${rows.join('\n')}</ol>`;
}

function section(item: ReportItem, index: number): string {
  return `<section id="vm-${index + 1}" class="${item.level}">
<h2>${escaped(item.name)} ${badge(item)}</h2>
${notes(item.notes)}
${facts(item.facts)}
${tablesOf(item).map(table).join('\n')}
${screenshot(item)}
${item.console.length === 0 ? '' : `<h3>Serial console</h3>\n<pre>${item.console.map(escaped).join('\n')}</pre>`}
</section>`;
}

function badge({ state, level }: ReportItem): string {
  return `<span class="badge ${level}">${escaped(state)}</span>`;
}

function facts(all: ReportItem['facts']): string {
  if (all.length === 0) return '';
  const rows = all.map(([label, value]) => `<div><dt>${escaped(label)}</dt><dd>${escaped(value)}</dd></div>`);
  return `<dl>${rows.join('\n')}</dl>`;
}

function notes(all: ReportItem['notes']): string {
  if (all.length === 0) return '';
  const rows = all.map(
    ({ level, text }) => `<li class="${level}"><strong>${noteLabel(level)}:</strong> ${escaped(text)}</li>`,
  );
  return `<ul class="notes">${rows.join('\n')}</ul>`;
}

function table({ caption, columns, rows }: ReportTable): string {
  const heads = columns.map(
    ({ header, isNumber }) => `<th scope="col"${classes(isNumber && 'number')}>${escaped(header)}</th>`,
  );
  const lines = rows.map(({ cells, level }) => {
    const all = columns.map(({ header, isCode, isNumber }, index) => {
      const isResult = level !== undefined && index === 0;
      // On a narrow screen, a row is a list of its cells, each with the header of its column.
      const attributes = `${classes(isCode && 'code', isNumber && 'number')} data-label="${escaped(header)}"`;
      const text = escaped(cells[index] ?? '');
      return `<td${attributes}>${isResult ? `<span class="badge ${level}">${text}</span>` : `<span>${text}</span>`}</td>`;
    });
    return `<tr>${all.join('')}</tr>`;
  });
  return `<h3>${escaped(caption)}</h3>
<table><thead><tr>${heads.join('')}</tr></thead><tbody>${lines.join('\n')}</tbody></table>`;
}

function screenshot({ name, picture }: ReportItem): string {
  if (picture === undefined) return '';
  const path = `<figcaption>${escaped(picture.path)}</figcaption>`;
  if (picture.data === undefined) return `<h3>Screenshot</h3>\n<figure>${path}</figure>`;
  const data = Buffer.from(picture.data).toString('base64');
  const alt = escaped(`The screen of ${name} at the end of the boot test`);
  return `<h3>Screenshot</h3>\n<figure><img alt="${alt}" src="data:image/png;base64,${data}">${path}</figure>`;
}

function classes(...names: readonly (string | false | undefined)[]): string {
  const all = names.filter(Boolean);
  return all.length === 0 ? '' : ` class="${all.join(' ')}"`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return safeText(text).replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}
