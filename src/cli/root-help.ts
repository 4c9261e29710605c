import type { Bundle } from './bundled-plugin.ts';
import { paintFor } from './text/color.ts';
import { requireStandardOutput } from './standard-output.ts';
import { renderTable } from './text/table.ts';

/** True for a command line that asks for the list of commands. */
export function asksForCommands(argv: readonly string[]): boolean {
  return argv.length === 0 || (argv.length === 1 && ['-h', '--help', '--help-all'].includes(argv[0] ?? ''));
}

/** Prints the list of commands. oclif is not loaded for it: that takes longer than everything else here. */
export function printCommands({ pjson, manifest }: Bundle, width: number): void {
  const paint = paintFor(process.stdout);
  const commands = Object.entries(manifest.commands)
    .filter(([, { hidden }]) => !hidden)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, { summary = '' }]) => [name, summary]);
  const [, ...table] = renderTable([{ header: '' }, { header: '', cut: 'wrap' }], commands, width - 4);
  const description: unknown = pjson['description'];
  const lines = [
    ...(typeof description === 'string' ? [description] : []),
    '',
    paint('heading', 'VERSION'),
    `  ${pjson.name}/${pjson.version} ${process.platform}-${process.arch} node-${process.version}`,
    '',
    paint('heading', 'USAGE'),
    `  $ ${pjson.name} COMMAND [FLAGS]`,
    '',
    paint('heading', 'COMMANDS'),
    ...table.map((line) => `  ${line}`),
    '',
    `${pjson.name} COMMAND --help shows the flags of a command.`,
  ];
  requireStandardOutput();
  process.stdout.write(`${lines.join('\n')}\n`);
}
