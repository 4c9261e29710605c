import { Hyper2kvmError, type ErrorKind } from '../../base/errors.ts';
import { foreignText, shortened } from '../../base/text/foreign-text.ts';
import type { XmlElement } from './xml-element.ts';

/** Faults can be nested: a server may return a hundred causes. */
const MOST_OF_CAUSES = 2000;
const MOST_OF_TYPE = 100;

/** How to classify a fault by its type name. A type that is not listed is a refusal by the server, which a retry does not change. */
const FAULT_KINDS: Record<string, { kind: ErrorKind; retryable?: boolean; hint?: string }> = {
  InvalidLogin: { kind: 'authentication', hint: 'Check the user name (user@domain) and the password.' },
  NotAuthenticated: { kind: 'authentication' },
  NoPermission: { kind: 'authentication', hint: 'Run `hyper2kvm status` to see which privileges the account lacks.' },
  InvalidLocale: { kind: 'authentication' },
  PasswordExpired: { kind: 'authentication', hint: 'Log in to the server once and set a new password.' },
  ManagedObjectNotFound: { kind: 'not-found' },
  TaskInProgress: {
    kind: 'transfer',
    retryable: true,
    hint: 'Another task is using the VM; try again when it has finished.',
  },
  ConcurrentAccess: { kind: 'transfer', retryable: true },
  Timedout: { kind: 'transfer', retryable: true },
  HostCommunication: { kind: 'transfer', retryable: true },
  HostNotConnected: { kind: 'transfer', retryable: true },
  HostNotReachable: { kind: 'transfer', retryable: true },
  SystemError: { kind: 'transfer', retryable: true },
  RestrictedVersion: {
    kind: 'transfer',
    hint: 'The license of the ESXi host does not allow API calls that change something (free license). Connect to the vCenter, or assign a license.',
  },
  MethodDisabled: {
    kind: 'transfer',
    hint: 'Another product has disabled this method on the VM, such as a backup that is running or was killed. vCLS VMs never allow it. Check the disabled methods of the VM.',
  },
  FileNotFound: {
    kind: 'transfer',
    hint: 'A file in the configuration of the VM is missing, often the image of a CD/DVD drive. Disconnect the image, or set the drive to the client device.',
  },
  FileLocked: {
    kind: 'transfer',
    hint: 'Another process has locked a file of the VM: a running backup or an open lease.',
  },
};

/**
 * A fault from the server: in a SOAP response, or as the error of a task or lease. `faultType` is the type name in the
 * API reference. Code must distinguish faults only by this name.
 */
export class VsphereFault extends Hyper2kvmError {
  readonly faultType: string;
  /** The fault that caused this one, if the server names it. */
  readonly faultCause: VsphereFault | undefined;

  constructor(facts: { faultType: string; message: string; during: string; faultCause?: VsphereFault | undefined }) {
    const judged = FAULT_KINDS[facts.faultType] ?? { kind: 'transfer' as const };
    const because = facts.faultCause ? ` Its cause: ${shortened(facts.faultCause.message, MOST_OF_CAUSES)}` : '';
    const faultType = foreignText(facts.faultType, MOST_OF_TYPE);
    super(
      judged.kind,
      `${facts.during} failed with ${faultType}: ${asSentence(foreignText(facts.message))}${because}`,
      {
        ...(judged.hint === undefined ? {} : { hint: judged.hint }),
        retryable: judged.retryable ?? false,
        cause: facts.faultCause,
      },
    );
    this.faultType = facts.faultType;
    this.faultCause = facts.faultCause;
  }
}

/** The faults for a call that the server does not support: older API versions, ESXi builds and simulators. */
export const NOT_OFFERED = ['NotSupported', 'NotImplemented', 'MethodNotFound', 'InvalidRequest'] as const;

/** True when `error` or one of its causes is a fault of one of these types. */
export function hasFault(error: unknown, ...faultTypes: string[]): boolean {
  if (!(error instanceof VsphereFault)) return false;
  return faultTypes.includes(error.faultType) || hasFault(error.faultCause, ...faultTypes);
}

/** True when `error` is a fault of one of these types. */
export function isFault(error: unknown, ...faultTypes: string[]): error is VsphereFault {
  return error instanceof VsphereFault && faultTypes.includes(error.faultType);
}

/** Decodes `Fault{faultcode, faultstring, detail{XFault}}` of a SOAP response. */
export function faultOfSoap(fault: XmlElement, during: string): VsphereFault {
  const detail = fault.find('detail')?.elements[0];
  // Only the fault code identifies an API version that the server does not support: `VersionMismatchFaultCode`.
  const code = fault
    .textOf('faultcode')
    ?.replace(/^.*:/, '')
    .replace(/FaultCode$/, '');
  return new VsphereFault({
    faultType: detail?.type ?? detail?.name.replace(/Fault$/, '') ?? code ?? 'unknown',
    message: messageOf(fault.textOf('faultstring'), detail),
    during,
    faultCause: detail && causeOf(detail, during),
  });
}

/** Decodes a `LocalizedMethodFault{fault, localizedMessage}`, which tasks, leases and descriptors contain. */
export function faultOfLocalized(localized: XmlElement, during: string): VsphereFault {
  const fault = localized.find('fault');
  return new VsphereFault({
    faultType: fault?.type ?? 'unknown',
    message: messageOf(localized.textOf('localizedMessage') || firstMessage(fault), fault),
    during,
    faultCause: fault && causeOf(fault, during),
  });
}

function causeOf(fault: XmlElement, during: string): VsphereFault | undefined {
  const cause = fault.find('faultCause');
  return cause && cause.elements.length > 0 ? faultOfLocalized(cause, during) : undefined;
}

/** The message of the fault, with the file name of a `FileFault`. */
function messageOf(text: string | undefined, fault: XmlElement | undefined): string {
  const message = text || 'no reason given';
  const file = fault?.textOf('file')?.trim();
  return !file || message.includes(file) ? message : `${message.replace(/\.\s*$/, '')}: ${file}`;
}

function firstMessage(fault: XmlElement | undefined): string | undefined {
  return fault?.textOf('faultMessage.message') ?? fault?.textOf('reason');
}

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
