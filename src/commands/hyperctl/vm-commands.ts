import { Hyper2kvmError } from '../../base/errors.ts';
import { readGoFlags } from '../../cli/hyperctl/go-flags.ts';
import { filterVms, vmInfoLines, vmListDocument } from '../../cli/hyperctl/vm-report.ts';
import { readChoice, readCount } from '../../cli/input/option-values.ts';
import { vmListReport } from '../../cli/report/vm-list-report.ts';
import { safeText } from '../../cli/text/safe-text.ts';
import { VM_ACTIONS } from '../../operations/vm/types.ts';
import type { HyperctlHost } from './hyperctl-host.ts';

const MOST_SECONDS = 24 * 3600;

/** `hyperctl list [-json] [-filter TEXT]` */
export async function list(words: readonly string[], host: HyperctlHost): Promise<void> {
  const flags = readGoFlags('hyperctl list', words, { json: 'boolean', filter: 'string' });
  const connection = await host.connect();
  const { listVms } = await import('../../operations/list/list-vms.ts');
  const report = ({ message }: { message: string }): void => host.warn(message);
  const vms = filterVms(
    await listVms({ connection, glob: undefined, env: host.env }, { signal: host.signal, report }),
    flags.filter,
  );
  if (flags.json === true) host.print([JSON.stringify(vmListDocument(vms, new Date()), undefined, 2)]);
  else host.print(vmListReport(vms, undefined));
}

/** `hyperctl vm -op OPERATION -path PATH [-timeout SECONDS]` */
export async function vm(words: readonly string[], host: HyperctlHost): Promise<void> {
  const flags = readGoFlags('hyperctl vm', words, { op: 'string', path: 'string', timeout: 'string' });
  if (!flags.op || !flags.path) {
    throw new Hyper2kvmError('usage', 'hyperctl vm needs -op and -path.', {
      hint: `Operations are ${VM_ACTIONS.join(', ')}.`,
    });
  }
  const action = readChoice('-op', flags.op, VM_ACTIONS);
  const limitMs = readCount('-timeout', flags.timeout ?? '300', 1, MOST_SECONDS) * 1000;
  const connection = await host.connect();
  const { actOnVm } = await import('../../operations/vm/act-on-vm.ts');
  const report = ({ message }: { message: string }): void => host.warn(message);
  const options = { connection, vm: flags.path, action, limitMs };
  const { info, sentence } = await actOnVm(options, { signal: host.signal, report });
  host.print(info === undefined ? [`✓ ${safeText(sentence)}`] : vmInfoLines(info));
}
