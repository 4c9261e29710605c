import { VimFault } from './fault.ts';
import type { ManagedObject } from './managed-object.ts';
import type { RequestObject } from './request-arguments.ts';
import type { MethodName } from './request-schema.ts';
import type { DescriptorRemarks } from './scripted-faults.ts';
import type { Service } from './service.ts';
import type { Session } from './session-store.ts';
import type { MoRef, Value } from './value.ts';

/** One SOAP call, read and checked. */
export interface SoapCall {
  service: Service;
  method: MethodName;
  /** The object that the method is called on. */
  target: ManagedObject;
  args: RequestObject;
  session: Session;
  /** The API version that the client speaks; empty when it does not say. */
  version: string;
  /** What `CreateDescriptor` was scripted to say besides. */
  remarks: DescriptorRemarks | undefined;
  /** Aborts when the client hangs up. */
  hungUp: AbortSignal;
}

/** Does what a method does; what it returns becomes `returnval`. */
export type SoapMethod = (call: SoapCall) => Value | Promise<Value>;

/** Throws `NoPermission` when the account lacks the privilege. */
export function requirePrivilege(call: SoapCall, privilege: string): void {
  if (!call.service.options.missingPrivileges.includes(privilege)) return;
  throw noPermission(call.target.ref, privilege);
}

export function noPermission(object: MoRef, privilegeId: string): VimFault {
  return new VimFault('NoPermission', 'Permission to perform this operation was denied.', { object, privilegeId });
}
