import { faultOf, VimFault } from './fault.ts';
import { HttpNfcLease } from './http-nfc-lease.ts';
import type { LeaseFile } from './lease-file.ts';
import { ovfDescriptor } from './ovf-descriptor.ts';
import type { SoapCall, SoapMethod } from './soap-call.ts';
import { arrayOf, data, type DataObject } from './value.ts';
import { VirtualMachine } from './virtual-machine.ts';

/** The methods of a lease, and `CreateDescriptor` for the exported files. */
export const LEASE_METHODS = {
  HttpNfcLeaseProgress(call) {
    leaseOf(call).progress(call.args.number('percent') ?? 0);
    return undefined;
  },

  HttpNfcLeaseComplete(call) {
    leaseOf(call).complete();
    return undefined;
  },

  HttpNfcLeaseAbort(call) {
    leaseOf(call).abort();
    return undefined;
  },

  HttpNfcLeaseGetManifest(call) {
    const lease = leaseOf(call);
    lease.assertOpen('ready');
    if (call.service.options.manifest === 'none') return undefined;
    const entries = lease.files.map((file) => manifestEntry(call, lease, file)).filter((entry) => entry !== undefined);
    return arrayOf('HttpNfcLeaseManifestEntry', entries);
  },

  HttpNfcLeaseSetManifestChecksumType(call) {
    const lease = leaseOf(call);
    lease.assertOpen('ready');
    if (call.service.options.manifest !== 'sha256') throw faultOf('NotSupported');
    for (const pair of call.args.objects('deviceUrlsToChecksumTypes')) {
      const type = pair.string('value');
      if (!['sha1', 'sha256'].includes(type) || !lease.files.some((file) => file.key === pair.string('key'))) {
        throw new VimFault('InvalidArgument', 'A specified parameter was not correct: deviceUrlsToChecksumTypes');
      }
      lease.checksumTypes.set(pair.string('key'), type);
    }
    return undefined;
  },

  CreateDescriptor({ service, args, remarks }) {
    const vm = service.objects.get(args.ref('obj'));
    if (!(vm instanceof VirtualMachine))
      throw new VimFault('InvalidArgument', 'A specified parameter was not correct: obj');
    const params = args.objects('cdp')[0];
    if (params === undefined) throw new VimFault('InvalidArgument', 'A specified parameter was not correct: cdp');
    return data('OvfCreateDescriptorResult', {
      ovfDescriptor: ovfDescriptor(vm, params, service.now()),
      error: arrayOf('LocalizedMethodFault', [
        ...(service.options.passthroughErrors ? unsupportedDevices(vm) : []),
        ...remarksOf('OvfExport', remarks?.errors),
      ]),
      warning: arrayOf('LocalizedMethodFault', remarksOf('OvfExport', remarks?.warnings)),
      includeImageFiles: params.boolean('includeImageFiles'),
    });
  },
} satisfies Record<string, SoapMethod>;

function leaseOf({ target }: SoapCall): HttpNfcLease {
  if (target instanceof HttpNfcLease) return target;
  throw faultOf('NotSupported');
}

/** The manifest entry of a file that this lease has sent completely; otherwise undefined. */
function manifestEntry(call: SoapCall, lease: HttpNfcLease, file: LeaseFile): DataObject | undefined {
  const digest = lease.sent.get(file.key);
  if (digest === undefined) return undefined;
  const { faults, options } = call.service;
  const fault = faults.take('manifest', [lease.vm.displayName, file.name]);
  if (fault?.action === 'no-entry') return undefined;
  const hash = (hex: string) => {
    if (fault?.action === 'no-hash') return '';
    return fault?.action === 'wrong-hash' ? hex.replace(/^./, otherDigit) : hex;
  };
  const checksumType = options.manifest === 'sha256' ? (lease.checksumTypes.get(file.key) ?? 'sha1') : undefined;
  const checksum = checksumType === 'sha256' ? digest.sha256 : digest.sha1;
  return data('HttpNfcLeaseManifestEntry', {
    key: file.key,
    sha1: hash(digest.sha1),
    checksum: checksumType === undefined ? undefined : hash(checksum),
    checksumType,
    size: BigInt(digest.sizeBytes + (fault?.action === 'wrong-size' ? 1 : 0)),
    disk: file.disk !== undefined,
    capacity: file.disk === undefined ? undefined : BigInt(file.disk.capacityBytes),
    populatedSize: digest.populatedBytes === 0 ? undefined : BigInt(digest.populatedBytes),
  });
}

function remarksOf(type: string, messages: readonly string[] | undefined): DataObject[] {
  return (messages ?? []).map((message) => new VimFault(type, message).toLocalized());
}

/** Errors for passthrough devices. The descriptor is created nevertheless, without these devices. */
function unsupportedDevices(vm: VirtualMachine): DataObject[] {
  if (vm.options.passthrough !== true) return [];
  const fields = { device: data('VirtualPCIPassthrough', { key: 13000 }), vmPath: vm.inventoryPath };
  const message = "Device 'PCI device 0' is not supported for export.";
  return [new VimFault('OvfUnsupportedDeviceExport', message, fields).toLocalized()];
}

function otherDigit(digit: string): string {
  return digit === '0' ? '1' : '0';
}
