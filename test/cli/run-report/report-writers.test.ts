import { expect, test } from '@jest/globals';
import { csvReport } from '../../../src/cli/run-report/csv-report.ts';
import { htmlReport } from '../../../src/cli/run-report/html-report.ts';
import { markdownReport } from '../../../src/cli/run-report/markdown-report.ts';
import { itemOf, type RunReport } from '../../../src/cli/run-report/report-rows.ts';

function reportOf(name: string): RunReport {
  const item = itemOf(name, 'exported', 'ok');
  item.facts = [['Folder', name]];
  item.disks = [{ label: name, source: name, file: name, capacityBytes: 1024, sizeBytes: undefined }];
  item.files = [{ path: name, sizeBytes: 7, sha256: undefined }];
  item.nics = [{ mac: name, network: name, onVmware: name }];
  item.checks = [{ level: 'ok', what: name, detail: name }];
  item.notes = [{ level: 'warning', text: name }];
  item.console = [name];
  item.picture = { path: name, data: Buffer.from('png') };
  return {
    command: 'hyper2kvm export',
    version: '0.1.0',
    startedAt: new Date(0),
    endedAt: new Date(1500),
    exitCode: 0,
    facts: [],
    notes: [{ level: 'error', text: name }],
    items: [item, itemOf(name, 'failed', 'error')],
  };
}

test('in HTML, a name is text wherever it is shown, and a picture is inside the file', () => {
  const html = htmlReport(reportOf(`<script>alert("x")</script>'&\u202e`));
  expect(html).not.toMatch(/<script|alert\("x|\u202e/);
  expect(html.split('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;\\u202e').length - 1).toBe(19);
  expect(html).toContain(`src="data:image/png;base64,${Buffer.from('png').toString('base64')}"`);
  expect(html).not.toContain('undefined');
});

test('in Markdown, a name neither ends a cell nor becomes HTML, a link or a heading', () => {
  const name = 'a|b\n# c <img src=x> [d](e) `f` *g*';
  const text = markdownReport(reportOf(name)).replace(/```[^]*```/, '');
  const escaped = String.raw`a\|b\\n\# c &lt;img src=x&gt; \[d\](e) \`f\` \*g\*`;
  expect(text.split(escaped).length - 1).toBe(17);
  expect(text.replaceAll(escaped, '')).not.toMatch(/\[d|<img|`f/);
  for (const line of text.split('\n').filter((each) => each.startsWith('| '))) expect(line).toMatch(/ \|$/);
});

test('in Markdown, the console cannot end its code block', () => {
  const report = reportOf('web');
  report.items[0] = { ...itemOf('web', 'exported', 'ok'), console: ['```', '# login:'] };
  expect(markdownReport(report)).toContain('````text\n```\n# login:\n````');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)'])('in CSV, %s is not a formula', (name) => {
  const lines = csvReport(reportOf(name)).trimEnd().split('\r\n');
  const cells = lines.flatMap((line) => line.split(','));
  expect(cells).toContain(`'${name}`);
  expect(cells.filter((cell) => /^"?[=+\-@]/.test(cell))).toEqual([]);
});

test('in CSV, quotes and line feeds stay in their cell', () => {
  const [header = '', ...lines] = csvReport(reportOf('a"b,\nc')).trimEnd().split('\r\n');
  expect(header).toBe('vm,record,result,name,source,capacity_bytes,size_bytes,sha256,seconds,detail');
  expect(lines).toContain('"a""b,\\nc",disk,,"a""b,\\nc","a""b,\\nc",1024,,,,"a""b,\\nc"');
  expect(lines[0]).toBe(
    ',run,,hyper2kvm export,,,,,1.5,"started 1970-01-01T00:00:00.000Z, exit code 0, version 0.1.0"',
  );
});
