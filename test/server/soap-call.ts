import { VimFault } from './fault.ts';
import type { ManagedObject } from './managed-object.ts';
import type { RequestObject } from './request-arguments.ts';
import type { MethodName } from './request-schema.ts';
import type { DescriptorRemarks } from './scripted-faults.ts';
import type { Service } from './service.ts';
import type { Session } from './session-store.ts';
import type { MoRef, Value } from './value.ts';

/** A parsed and validated SOAP call. */
export interface SoapCall {
  service: Service;
  method: MethodName;
  /** The object that the method is called on. */
  target: ManagedObject;
  args: RequestObject;
  session: Session;
  /** The API version that the client requests, or empty if it does not state one. */
  version: string;
  /** The scripted errors and warnings for `CreateDescriptor`. */
  remarks: DescriptorRemarks | undefined;
  /** Aborts when the client disconnects. */
  hungUp: AbortSignal;
}

/** Executes a method. Its return value becomes `returnval`. */
export type SoapMethod = (call: SoapCall) => Value | Promise<Value>;

/** @throws a `NoPermission` fault if the account does not have the privilege */
export function requirePrivilege(call: SoapCall, privilege: string): void {
  if (!call.service.options.missingPrivileges.includes(privilege)) return;
  throw noPermission(call.target.ref, privilege);
}

export function noPermission(object: MoRef, privilegeId: string): VimFault {
  return new VimFault('NoPermission', 'Permission to perform this operation was denied.', { object, privilegeId });
}
