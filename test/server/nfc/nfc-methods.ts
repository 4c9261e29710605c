import { faultOf, invalidRequest, VimFault } from '../fault.ts';
import type { NfcHost } from './nfc-host.ts';
import { requirePrivilege, type SoapCall, type SoapMethod } from '../soap-call.ts';
import { data, MoRef, type DataObject } from '../value.ts';
import { VirtualMachine } from '../virtual-machine.ts';

/** A port on which nothing listens. */
const REFUSED_PORT = 1;

/** The methods of the NFC service. They are not in the API reference. */
export const NFC_METHODS = {
  RetrieveInternalContent(call) {
    hostOf(call);
    const name = call.service.options.apiType === 'HostAgent' ? 'ha-nfc-service' : 'nfcService';
    const manager = call.service.options.apiType === 'HostAgent' ? 'ha-agentmgr' : 'AgentManager';
    return data('InternalServiceInstanceContent', {
      agentManager: new MoRef('AgentManager', manager),
      nfcService: new MoRef('NfcService', name),
    });
  },

  NfcGetServerNfcLibVersion(call) {
    const { libVersion } = hostOf(call).options;
    if (libVersion === 'no-method') throw unknownMethod(call);
    return libVersion;
  },

  NfcGetVmFiles(call) {
    return ticketFor(call, vmOf(call), undefined);
  },

  NfcRandomAccessOpenReadonly(call) {
    const vm = vmOf(call);
    requirePrivilege(call, 'VirtualMachine.Provisioning.DiskRandomRead');
    const disk = vm.disks.find((each) => each.key === call.args.number('diskDeviceKey'));
    if (disk === undefined)
      throw new VimFault('InvalidArgument', 'A specified parameter was not correct: diskDeviceKey');
    return ticketFor(call, vm, disk.fileName(disk.leaf));
  },
} satisfies Record<string, SoapMethod>;

function ticketFor(call: SoapCall, vm: VirtualMachine, path: string | undefined): DataObject {
  const host = hostOf(call);
  requirePrivilege(call, 'VirtualMachine.Provisioning.GetVmFiles');
  const isStandalone = call.service.options.apiType === 'HostAgent';
  const service = isStandalone ? 'nfc' : 'vpxa-nfc';
  const ticket = host.tickets.issue(vm, service, path, host.options.ticketSeconds * 1000);
  const fault = host.takeFault('ticket', [vm.displayName]);
  const { sha1 } = host.address;
  const thumbprint = fault?.action === 'wrong-thumbprint' ? sha1.replaceAll(/[0-9A-F]/g, otherDigit) : sha1;
  const shownHost = isStandalone ? undefined : host.address.host;
  return data('HostServiceTicket', {
    host: fault?.action === 'other-host' ? fault.host : shownHost,
    port: fault?.action === 'refused-port' ? REFUSED_PORT : host.address.port,
    sslThumbprint: host.options.thumbprint === 'none' ? undefined : thumbprint,
    service,
    serviceVersion: '1.1',
    sessionId: ticket.sessionId,
  });
}

/** @throws a fault for an unknown method if the server has no NFC service */
function hostOf(call: SoapCall): NfcHost {
  if (call.service.nfc === undefined) throw unknownMethod(call);
  return call.service.nfc;
}

function unknownMethod({ method }: SoapCall): VimFault {
  return invalidRequest(`Unable to resolve WSDL method name ${method} for "urn:vim25"`);
}

function vmOf({ service, args }: SoapCall): VirtualMachine {
  const vm = service.objects.get(args.ref('vm'));
  if (vm instanceof VirtualMachine) return vm;
  throw faultOf('InvalidArgument');
}

function otherDigit(digit: string): string {
  return digit === '0' ? '1' : '0';
}
