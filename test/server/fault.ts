import { data, type DataObject, type Fields } from './value.ts';

/** An API fault. A method throws it, or a task or lease stores it. */
export class VimFault extends Error {
  /** The fault's type name, such as `InvalidPowerState`. */
  readonly type: string;
  readonly fields: Fields;
  readonly faultCause: VimFault | undefined;

  constructor(type: string, message: string, fields: Fields = {}, faultCause?: VimFault) {
    super(message);
    this.name = 'VimFault';
    this.type = type;
    this.fields = fields;
    this.faultCause = faultCause;
  }

  /** Returns the fault as a data object of its type. */
  toDataObject(): DataObject {
    return data(this.type, { faultCause: this.faultCause?.toLocalized(), ...this.fields });
  }

  /** Returns the fault as a `LocalizedMethodFault`, the form that tasks, leases and missing properties contain. */
  toLocalized(): DataObject {
    return data('LocalizedMethodFault', { fault: this.toDataObject(), localizedMessage: this.message });
  }
}

/** The messages that vSphere uses for the faults that this server raises. */
const MESSAGES: Record<string, string> = {
  InvalidLogin: 'Cannot complete login due to an incorrect user name or password.',
  InvalidPowerState: 'The attempted operation cannot be performed in the current state (Powered on).',
  InvalidState: 'The operation is not allowed in the current state.',
  NotAuthenticated: 'The session is not authenticated.',
  NotSupported: 'The operation is not supported on the object.',
  TaskInProgress: 'Another task is already in progress.',
  Timedout: 'Operation timed out.',
  ToolsUnavailable: 'Cannot complete operation because VMware Tools is not running in this virtual machine.',
};

/** Creates a fault with vSphere's message for its type. */
export function faultOf(type: string, fields: Fields = {}): VimFault {
  return new VimFault(type, MESSAGES[type] ?? `The operation failed: ${type}.`, fields);
}

/** The fault for a request that does not match the WSDL. */
export function invalidRequest(message: string): VimFault {
  return new VimFault('InvalidRequest', message);
}

/** The one fault that is identified only by its fault code: a real server sends no detail for it. */
export class VersionMismatch extends VimFault {
  constructor(message: string) {
    super('VersionMismatch', message);
  }
}
