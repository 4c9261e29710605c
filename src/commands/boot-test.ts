import { basename } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { BaseCommand } from '../cli/base-command.ts';
import { readChoice, readDuration, readSize } from '../cli/input/option-values.ts';
import { LOG_FLAGS } from '../cli/log/log-flags.ts';
import { PROGRESS_FLAGS } from '../cli/progress/progress-flags.ts';
import { REPORT_FLAGS } from '../cli/run-report/report-flags.ts';
import { bootTestReport, bootTestWords } from '../cli/report/boot-test-report.ts';
import type { ExportScreen } from '../cli/screen/screen.ts';
import { BOOT_TEST_ADDRESSES_FLAG, GUEST_NET_FLAG, KEY_FLAG, readGuestNetFile, readKeys } from './flags/fix-flags.ts';
import { INPUT_FORMAT_FLAG, readInputFormat } from './flags/input-format-flag.ts';
import type * as BootTest from '../operations/boot-test/boot-test.ts';
import {
  ACCELERATOR_CHOICES,
  type BootTestEvent,
  type BootTestOptions,
  type BootTestResult,
} from '../operations/boot-test/types.ts';
import { bootTestDocument } from './documents/boot-test-document.ts';

const FIRMWARES = ['bios', 'uefi'] as const;
/** No current system boots with less than this minimum, and no test needs more than a terabyte. */
const LEAST_MEMORY_BYTES = 64 * 2 ** 20;
const MOST_MEMORY_BYTES = 2 ** 40;

/** `hyper2kvm boot-test TARGET` */
export class BootTestCommand extends BaseCommand<BootTestResult> {
  static override summary = 'Boot a domain or a disk in QEMU, and check whether the guest comes up.';
  static override description =
    'Runs the VM of a libvirt domain, or a standalone disk on virtio hardware, with KVM or otherwise in emulation, until there is a login prompt on the serial console, an answer of the guest agent and a frame from its NIC, or a sign of failure. The disks are only read: what the guest writes goes to an overlay that is gone afterwards. No frame leaves QEMU, whose own DHCP server answers. A screenshot and the log of the serial console are kept in the job folder. A guest that does not come up, whose network is silent, or that uses a configured address on another NIC than its own, is exit code 16. Each NIC is compared with the addresses that it had on VMware, if they are known (--guest-net).';

  static override examples = [
    { description: 'Boot the domain that a conversion wrote', command: '<%= config.bin %> boot-test web-01.xml' },
    {
      description: 'Boot a standalone disk that was installed for UEFI',
      command: '<%= config.bin %> boot-test disk.qcow2 --firmware uefi --memory 4G',
    },
    {
      description: 'Boot in emulation for at most ten minutes, with JSON output for a script',
      command: '<%= config.bin %> boot-test web-01.xml --accelerator tcg --timeout 10m --json',
    },
  ];

  static override args = {
    target: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'XML of a libvirt domain, or a disk image; detected from the content.',
    }),
  };

  static override flags = {
    timeout: Flags.string({
      helpValue: 'TIME',
      description: 'Give up after TIME, such as 90s or 10m. Default: 5m with KVM, 20m in emulation.',
    }),
    firmware: Flags.string({
      options: FIRMWARES,
      description: 'Firmware for a standalone disk. Default: bios. A domain defines its own firmware.',
    }),
    'input-format': INPUT_FORMAT_FLAG,
    memory: Flags.string({
      helpValue: 'SIZE',
      description: 'Guest memory, such as 4G. Default: the memory of the domain, or 2G for a standalone disk.',
    }),
    key: KEY_FLAG,
    'guest-net': GUEST_NET_FLAG,
    'boot-test-addresses': BOOT_TEST_ADDRESSES_FLAG,
    accelerator: Flags.string({
      options: ACCELERATOR_CHOICES,
      default: 'auto',
      description: 'QEMU accelerator: kvm, tcg (emulation), or auto (kvm if it works, otherwise tcg).',
    }),
    ...PROGRESS_FLAGS,
    ...LOG_FLAGS,
    ...REPORT_FLAGS,
  };

  #screen: ExportScreen | undefined;

  protected override leftBehindNote(): string {
    return 'Stopped without cleaning up. QEMU was terminated; the job folder may contain overlays.';
  }

  protected override say(text: string): void {
    if (this.#screen === undefined) super.say(text);
    else this.#screen.note(text);
  }

  protected operation(): Promise<Pick<typeof BootTest, 'bootTest' | 'bootTestError'>> {
    return import('../operations/boot-test/boot-test.ts');
  }

  protected override document(result: BootTestResult): object {
    return bootTestDocument(result);
  }

  async run(): Promise<BootTestResult> {
    const { args, flags } = await this.parse(BootTestCommand);
    this.quiet = flags.quiet;
    if (args.target === '') throw new Hyper2kvmError('usage', 'TARGET is empty.', { hint: 'Name a file.' });
    const { timeout, firmware, memory } = flags;
    const options: BootTestOptions = {
      target: args.target,
      inputFormat: readInputFormat(flags['input-format']),
      timeoutMs: timeout === undefined ? undefined : readDuration('--timeout', timeout),
      firmware: firmware === undefined ? undefined : readChoice('--firmware', firmware, FIRMWARES),
      memoryBytes:
        memory === undefined ? undefined : readSize('--memory', memory, LEAST_MEMORY_BYTES, MOST_MEMORY_BYTES),
      keys: readKeys(flags.key),
      guestNetFile: readGuestNetFile(flags['guest-net']),
      requireAddresses: flags['boot-test-addresses'],
      accelerator: readChoice('--accelerator', flags.accelerator, ACCELERATOR_CHOICES),
      env: this.env,
    };
    const { bootTestError } = await this.operation();
    const result = await this.#bootTest(options);
    this.runReport.take(bootTestDocument(result));
    if (!this.quiet) this.print(bootTestReport(result, this.tableWidth()));
    const error = bootTestError(result);
    if (error !== undefined) this.failWith(error);
    return result;
  }

  async #bootTest(options: BootTestOptions): Promise<BootTestResult> {
    const { bootTest } = await this.operation();
    const screen = await this.openScreen();
    this.#screen = screen;
    const target = basename(options.target);
    const report = (event: BootTestEvent): void => {
      if (event.type === 'warning') {
        this.runLog.onEvent(event);
        this.warnings.push(this.redactor.clean(event.message));
      }
      // The report repeats all warnings.
      else screen.onEvent(event);
    };
    let ended = { failed: true, words: 'not tested' };
    try {
      screen.onEvent({ type: 'boot-test-started', target });
      const result = await bootTest(options, { signal: this.signal, report });
      ended = { failed: result.problem !== undefined, words: bootTestWords(result) };
      return result;
    } finally {
      screen.onEvent({ type: 'boot-test-finished', target, ...ended });
      this.#screen = undefined;
      await screen.stop();
    }
  }
}
