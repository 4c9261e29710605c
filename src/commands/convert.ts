import { basename } from 'node:path';
import { Args } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { requireOpenFiles } from '../base/files/open-files.ts';
import { BaseCommand } from '../cli/base-command.ts';
import type { OptionalValues } from '../cli/input/optional-values.ts';
import { bootTestReport } from '../cli/report/boot-test-report.ts';
import { cannotFit, conversionPlanReport, lacksSpace } from '../cli/report/conversion-plan-report.ts';
import { conversionSummary } from '../cli/report/conversion-summary.ts';
import type { ExportScreen } from '../cli/screen/screen.ts';
import type { BootTestResult } from '../operations/boot-test/types.ts';
import type * as Convert from '../operations/convert/convert.ts';
import type { ConvertEvent, ConvertOptions, ConvertPlan, ConvertResult } from '../operations/convert/types.ts';
import { OPTIONAL_COMPRESSION } from './flags/compress-flag.ts';
import { OPTIONAL_LIBVIRT } from './flags/domain-flags.ts';
import { OPTIONAL_GUEST_AGENT } from './flags/fix-flags.ts';
import { CONVERT_FLAGS, readConvertOptions } from './flags/convert-flags.ts';
import { readBootTestAddresses } from './flags/fix-flags.ts';
import { convertDocument } from './documents/convert-document.ts';

/** `hyper2kvm convert SOURCE` */
export class ConvertCommand extends BaseCommand<ConvertResult | ConvertPlan> {
  static override summary = 'Convert a disk image, an OVF, an OVA or a .vmx for KVM.';
  static override description =
    'Writes qcow2, raw or VMDK images, without unpacking an archive first. The source format is detected from the content, not from the file name. For an OVF, an OVA or a .vmx it also writes a libvirt domain. Checksums in the source are verified during the conversion. A failed conversion leaves no incomplete images.';

  static override examples = [
    {
      description: 'Convert one disk to ./disk.qcow2',
      command: '<%= config.bin %> convert disk.vmdk',
    },
    {
      description: 'Convert a VM in an OVA to compressed images and a libvirt domain',
      command: '<%= config.bin %> convert web-01.ova --compress --output /var/lib/libvirt/images/',
    },
    {
      description: 'Convert the second disk of an export to a raw image, then read it back and compare',
      command: '<%= config.bin %> convert web-01/web-01.ovf --disk 2 --format raw --verify --output data.img',
    },
    {
      description: 'Show what the source is, what would be written, and what prevents it',
      command: '<%= config.bin %> convert web-01.ova --dry-run',
    },
  ];

  static override args = {
    source: Args.string({
      required: true,
      ignoreStdin: true,
      description:
        'Disk image (VMDK, qcow2, VHD, VHDX, VDI, raw), .ovf file of an OVF package, OVA, or .vmx file of a VM with its disks next to it.',
    }),
  };

  static override flags = CONVERT_FLAGS;

  #screen: ExportScreen | undefined;

  protected override optionalValues(): OptionalValues {
    return { compress: OPTIONAL_COMPRESSION, define: OPTIONAL_LIBVIRT, 'guest-agent': OPTIONAL_GUEST_AGENT };
  }

  protected override leftBehindNote(): string {
    return 'Stopped without cleaning up. The output folder may contain .partial files.';
  }

  protected override say(text: string): void {
    if (this.#screen === undefined) super.say(text);
    else this.#screen.note(text);
  }

  protected operation(): Promise<Pick<typeof Convert, 'convert' | 'planConversion'>> {
    return import('../operations/convert/convert.ts');
  }

  protected override document(result: ConvertResult | ConvertPlan): object {
    return convertDocument(result);
  }

  async run(): Promise<ConvertResult | ConvertPlan> {
    const { args, flags } = await this.parse(ConvertCommand);
    this.quiet = flags.quiet;
    const requireAddresses = readBootTestAddresses(flags);
    const bootTest = flags['boot-test'] ? { env: this.env, requireAddresses } : undefined;
    const options = { ...readConvertOptions(args.source, flags, this.env), bootTest, env: this.env };
    await requireOpenFiles();
    return flags['dry-run'] ? this.#plan(options) : this.#convert(options);
  }

  async #convert(options: ConvertOptions): Promise<ConvertResult> {
    const { convert } = await this.operation();
    const screen = await this.openScreen();
    this.#screen = screen;
    const source = basename(options.source);
    const report = (event: ConvertEvent): void => {
      if (event.type === 'warning') this.warnings.push(this.redactor.clean(event.message));
      screen.onEvent(event);
    };
    let result: ConvertResult;
    try {
      screen.onEvent({ type: 'source-started', source });
      result = await convert(options, { signal: this.signal, report });
      screen.onEvent({ type: 'source-finished', source, result });
    } catch (error) {
      screen.onEvent({ type: 'source-failed', source, error: this.signal.aborted ? this.signal.reason : error });
      throw error;
    } finally {
      this.#screen = undefined;
      await screen.stop();
    }
    this.runReport.take(convertDocument(result));
    if (!this.quiet) this.print(conversionSummary(result, this.tableWidth()));
    if (result.bootTest !== undefined) this.#tellBootTest(result.bootTest);
    return result;
  }

  #tellBootTest(result: BootTestResult): void {
    if (!this.quiet) this.print(bootTestReport(result, this.tableWidth()));
    if (result.problem === undefined) return;
    const { message, hint } = result.problem;
    this.failWith(new Hyper2kvmError('guest', message, { hint: `The images are kept. ${hint}` }));
  }

  async #plan(options: ConvertOptions): Promise<ConvertPlan> {
    const { planConversion } = await this.operation();
    const plan = await planConversion(options, this.signal);
    this.print(conversionPlanReport(plan, this.tableWidth()));
    for (const warning of plan.warnings) this.addWarning(warning);
    if (cannotFit(plan)) {
      const hint = 'Free up space there, choose another --output, or write less with --compress.';
      this.failWith(new Hyper2kvmError('local-file', 'There is not enough free space.', { hint }));
    } else if (lacksSpace(plan)) this.addWarning('There may not be enough free space.');
    if (plan.refusal !== undefined) {
      const hint = 'Choose another --output, or overwrite it with --force.';
      this.failWith(new Hyper2kvmError('local-file', plan.refusal, { hint }), { shown: true });
    }
    return plan;
  }
}
