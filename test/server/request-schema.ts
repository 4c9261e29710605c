/**
 * The WSDL definitions of the calls that this server supports. For each method: the type of object that it is called on, and its arguments.
 * For each data type: its fields. Arguments and fields are in the required order. `?` is optional, `[]` is any number.
 * Source: the vSphere Web Services API reference.
 */
const LEASE = 'HttpNfcLease';
const COLLECTOR = 'PropertyCollector';
const SEARCH = 'SearchIndex';
const VM = 'VirtualMachine';
const NFC = 'NfcService';
const AUTHORIZATION = 'AuthorizationManager';

export const METHODS = {
  RetrieveServiceContent: { on: 'ServiceInstance', params: [] },
  CurrentTime: { on: 'ServiceInstance', params: [] },

  Login: { on: 'SessionManager', params: ['userName: string', 'password: string', 'locale: string?'] },
  Logout: { on: 'SessionManager', params: [] },
  SessionIsActive: { on: 'SessionManager', params: ['sessionID: string', 'userName: string'] },
  TerminateSession: { on: 'SessionManager', params: ['sessionId: string[]'] },

  RetrieveProperties: { on: COLLECTOR, params: ['specSet: PropertyFilterSpec[]'] },
  RetrievePropertiesEx: { on: COLLECTOR, params: ['specSet: PropertyFilterSpec[]', 'options: RetrieveOptions'] },
  ContinueRetrievePropertiesEx: { on: COLLECTOR, params: ['token: string'] },
  CancelRetrievePropertiesEx: { on: COLLECTOR, params: ['token: string'] },
  CreatePropertyCollector: { on: COLLECTOR, params: [] },
  DestroyPropertyCollector: { on: COLLECTOR, params: [] },
  /** Not in the API reference. pyvmomi uses it to read one property of any object. */
  Fetch: { on: 'ManagedObject', params: ['prop: string'] },
  CreateFilter: { on: COLLECTOR, params: ['spec: PropertyFilterSpec', 'partialUpdates: boolean'] },
  DestroyPropertyFilter: { on: 'PropertyFilter', params: [] },
  WaitForUpdatesEx: { on: COLLECTOR, params: ['version: string?', 'options: WaitOptions?'] },
  WaitForUpdates: { on: COLLECTOR, params: ['version: string?'] },
  CancelWaitForUpdates: { on: COLLECTOR, params: [] },

  CreateContainerView: { on: 'ViewManager', params: ['container: ref', 'type: string[]', 'recursive: boolean'] },
  DestroyView: { on: 'View', params: [] },

  FindByUuid: {
    on: SEARCH,
    params: ['datacenter: ref?', 'uuid: string', 'vmSearch: boolean', 'instanceUuid: boolean?'],
  },
  FindAllByUuid: {
    on: SEARCH,
    params: ['datacenter: ref?', 'uuid: string', 'vmSearch: boolean', 'instanceUuid: boolean?'],
  },
  FindByInventoryPath: { on: SEARCH, params: ['inventoryPath: string'] },
  FindChild: { on: SEARCH, params: ['entity: ref', 'name: string'] },
  FindByDnsName: { on: SEARCH, params: ['datacenter: ref?', 'dnsName: string', 'vmSearch: boolean'] },
  FindByIp: { on: SEARCH, params: ['datacenter: ref?', 'ip: string', 'vmSearch: boolean'] },

  HasPrivilegeOnEntity: { on: AUTHORIZATION, params: ['entity: ref', 'sessionId: string', 'privId: string[]'] },
  HasPrivilegeOnEntities: { on: AUTHORIZATION, params: ['entity: ref[]', 'sessionId: string', 'privId: string[]'] },
  FetchUserPrivilegeOnEntities: { on: AUTHORIZATION, params: ['entities: ref[]', 'userName: string'] },

  ExportVm: { on: VM, params: [] },
  PowerOnVM_Task: { on: VM, params: ['host: ref?'] },
  PowerOffVM_Task: { on: VM, params: [] },
  ShutdownGuest: { on: VM, params: [] },
  ReconfigVM_Task: { on: VM, params: ['spec: VirtualMachineConfigSpec'] },
  CreateSnapshot_Task: {
    on: VM,
    params: ['name: string', 'description: string?', 'memory: boolean', 'quiesce: boolean'],
  },
  CreateSnapshotEx_Task: {
    on: VM,
    params: ['name: string', 'description: string?', 'memory: boolean', 'quiesceSpec: VirtualMachineGuestQuiesceSpec?'],
  },
  QueryChangedDiskAreas: {
    on: VM,
    params: ['snapshot: ref?', 'deviceKey: int', 'startOffset: long', 'changeId: string'],
  },
  RemoveAllSnapshots_Task: { on: VM, params: ['consolidate: boolean?'] },
  RevertToSnapshot_Task: { on: 'VirtualMachineSnapshot', params: ['host: ref?', 'suppressPowerOn: boolean?'] },
  ConsolidateVMDisks_Task: { on: VM, params: [] },
  RemoveSnapshot_Task: { on: 'VirtualMachineSnapshot', params: ['removeChildren: boolean', 'consolidate: boolean?'] },
  ExportSnapshot: { on: 'VirtualMachineSnapshot', params: [] },
  CancelTask: { on: 'Task', params: [] },

  HttpNfcLeaseProgress: { on: LEASE, params: ['percent: int'] },
  HttpNfcLeaseComplete: { on: LEASE, params: [] },
  HttpNfcLeaseAbort: { on: LEASE, params: ['fault: LocalizedMethodFault?'] },
  HttpNfcLeaseGetManifest: { on: LEASE, params: [] },
  HttpNfcLeaseSetManifestChecksumType: { on: LEASE, params: ['deviceUrlsToChecksumTypes: KeyValue[]'] },

  /** The methods of the NFC service and the call that returns its reference are not in the API reference. */
  RetrieveInternalContent: { on: 'ServiceInstance', params: [] },
  NfcGetServerNfcLibVersion: { on: NFC, params: ['hostForAccess: ref?'] },
  NfcGetVmFiles: { on: NFC, params: ['vm: ref'] },
  NfcRandomAccessOpenReadonly: { on: NFC, params: ['vm: ref', 'diskDeviceKey: int', 'hostForAccess: ref?'] },

  CreateDescriptor: { on: 'OvfManager', params: ['obj: ref', 'cdp: OvfCreateDescriptorParams'] },
} as const satisfies Record<string, { on: string; params: readonly string[] }>;

/** The SOAP methods that this server supports. */
export type MethodName = keyof typeof METHODS;

/** Fields of the data types in arguments. `extends` is the type whose fields come first. */
export const DATA_TYPES: Record<string, { extends?: string; fields: readonly string[] }> = {
  PropertyFilterSpec: {
    fields: ['propSet: PropertySpec[]', 'objectSet: ObjectSpec[]', 'reportMissingObjectsInResults: boolean?'],
  },
  PropertySpec: { fields: ['type: string', 'all: boolean?', 'pathSet: string[]'] },
  ObjectSpec: { fields: ['obj: ref', 'skip: boolean?', 'selectSet: SelectionSpec[]'] },
  SelectionSpec: { fields: ['name: string?'] },
  TraversalSpec: {
    extends: 'SelectionSpec',
    fields: ['type: string', 'path: string', 'skip: boolean?', 'selectSet: SelectionSpec[]'],
  },
  RetrieveOptions: { fields: ['maxObjects: int?'] },
  WaitOptions: { fields: ['maxWaitSeconds: int?', 'maxObjectUpdates: int?'] },
  VirtualMachineGuestQuiesceSpec: { fields: ['timeout: int?'] },
  VirtualMachineWindowsQuiesceSpec: {
    extends: 'VirtualMachineGuestQuiesceSpec',
    fields: [
      'vssBackupType: int?',
      'vssBootableSystemState: boolean?',
      'vssPartialFileSupport: boolean?',
      'vssBackupContext: string?',
    ],
  },
  /** Only the fields that this server uses; the real type has many. */
  VirtualMachineConfigSpec: {
    fields: ['deviceChange: VirtualDeviceConfigSpec[]', 'changeTrackingEnabled: boolean?'],
  },
  VirtualDeviceConfigSpec: { fields: ['operation: string?', 'fileOperation: string?', 'device: VirtualDevice'] },
  VirtualDevice: {
    fields: [
      'key: int',
      'deviceInfo: any?',
      'backing: any?',
      'connectable: any?',
      'slotInfo: any?',
      'controllerKey: int?',
      'unitNumber: int?',
    ],
  },
  VirtualCdrom: { extends: 'VirtualDevice', fields: [] },
  LocalizedMethodFault: { fields: ['fault: any', 'localizedMessage: string?'] },
  KeyValue: { fields: ['key: string', 'value: string'] },
  OvfCreateDescriptorParams: {
    fields: [
      'ovfFiles: OvfFile[]',
      'name: string?',
      'description: string?',
      'includeImageFiles: boolean?',
      'exportOption: string[]',
      'snapshot: ref?',
    ],
  },
  OvfFile: {
    fields: [
      'deviceId: string',
      'path: string',
      'compressionMethod: string?',
      'chunkSize: long?',
      'size: long',
      'capacity: long?',
      'populatedSize: long?',
    ],
  },
};
