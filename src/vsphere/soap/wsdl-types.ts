import type { Secret } from '../../base/text/secret.ts';

/**
 * The calls of `urn:vim25` that this program makes, and the data objects in their arguments. Fields are in the order of
 * the WSDL's `xs:sequence`; a real server rejects another order. A field is a scalar (`string`, `secret`, `int`,
 * `long`, `boolean`), a managed object reference (`ref`), or a data object from this table. `[]` marks a repeated field
 * and `?` an optional one.
 */
const wsdlTypes = {
  RetrieveServiceContent: { _this: 'ref' },
  CurrentTime: { _this: 'ref' },
  Login: { _this: 'ref', userName: 'string', password: 'secret', locale: 'string?' },
  Logout: { _this: 'ref' },

  RetrievePropertiesEx: { _this: 'ref', specSet: 'PropertyFilterSpec[]', options: 'RetrieveOptions' },
  RetrieveProperties: { _this: 'ref', specSet: 'PropertyFilterSpec[]' },
  ContinueRetrievePropertiesEx: { _this: 'ref', token: 'string' },
  CreateContainerView: { _this: 'ref', container: 'ref', type: 'string[]?', recursive: 'boolean' },
  DestroyView: { _this: 'ref' },
  FindByUuid: { _this: 'ref', datacenter: 'ref?', uuid: 'string', vmSearch: 'boolean', instanceUuid: 'boolean?' },
  FindByInventoryPath: { _this: 'ref', inventoryPath: 'string' },
  HasPrivilegeOnEntities: { _this: 'ref', entity: 'ref[]', sessionId: 'string', privId: 'string[]?' },

  ShutdownGuest: { _this: 'ref' },
  PowerOffVM_Task: { _this: 'ref' },
  PowerOnVM_Task: { _this: 'ref', host: 'ref?' },
  ReconfigVM_Task: { _this: 'ref', spec: 'VirtualMachineConfigSpec' },
  CreateSnapshot_Task: { _this: 'ref', name: 'string', description: 'string?', memory: 'boolean', quiesce: 'boolean' },
  RemoveSnapshot_Task: { _this: 'ref', removeChildren: 'boolean', consolidate: 'boolean?' },
  ConsolidateVMDisks_Task: { _this: 'ref' },

  QueryChangedDiskAreas: {
    _this: 'ref',
    snapshot: 'ref?',
    deviceKey: 'int',
    startOffset: 'long',
    changeId: 'string',
  },

  RetrieveInternalContent: { _this: 'ref' },
  NfcGetServerNfcLibVersion: { _this: 'ref', hostForAccess: 'ref?' },
  NfcGetVmFiles: { _this: 'ref', vm: 'ref' },

  ExportVm: { _this: 'ref' },
  ExportSnapshot: { _this: 'ref' },
  HttpNfcLeaseProgress: { _this: 'ref', percent: 'int' },
  HttpNfcLeaseGetManifest: { _this: 'ref' },
  HttpNfcLeaseSetManifestChecksumType: { _this: 'ref', deviceUrlsToChecksumTypes: 'KeyValue[]?' },
  HttpNfcLeaseComplete: { _this: 'ref' },
  HttpNfcLeaseAbort: { _this: 'ref' },
  CreateDescriptor: { _this: 'ref', obj: 'ref', cdp: 'OvfCreateDescriptorParams' },

  /** Only the fields that this program sends, of many. */
  VirtualMachineConfigSpec: { deviceChange: 'VirtualDeviceConfigSpec[]?', changeTrackingEnabled: 'boolean?' },
  VirtualDeviceConfigSpec: { operation: 'string?', fileOperation: 'string?', device: 'VirtualCdrom' },
  /** A device to remove is identified by its key; its other fields are not needed. */
  VirtualCdrom: { key: 'int', controllerKey: 'int?', unitNumber: 'int?' },
  PropertyFilterSpec: { propSet: 'PropertySpec[]', objectSet: 'ObjectSpec[]' },
  PropertySpec: { type: 'string', all: 'boolean?', pathSet: 'string[]?' },
  ObjectSpec: { obj: 'ref', skip: 'boolean?', selectSet: 'TraversalSpec[]?' },
  TraversalSpec: { name: 'string?', type: 'string', path: 'string', skip: 'boolean?' },
  RetrieveOptions: { maxObjects: 'int?' },
  KeyValue: { key: 'string', value: 'string' },
  OvfCreateDescriptorParams: {
    ovfFiles: 'OvfFile[]?',
    name: 'string?',
    description: 'string?',
    includeImageFiles: 'boolean?',
    exportOption: 'string[]?',
    snapshot: 'ref?',
  },
  OvfFile: {
    deviceId: 'string',
    path: 'string',
    compressionMethod: 'string?',
    chunkSize: 'long?',
    size: 'long',
    capacity: 'long?',
    populatedSize: 'long?',
  },
} as const;

/** Types that are sent where the WSDL declares a base type. They must name themselves in `xsi:type`. */
const POLYMORPHIC: ReadonlySet<string> = new Set(['TraversalSpec', 'VirtualCdrom']);

type WsdlTypes = typeof wsdlTypes;
type ScalarTypes = { string: string; secret: Secret; int: number; long: number; boolean: boolean; ref: MoRef };
type ValueOf<Notation> = Notation extends `${infer Base}?`
  ? ValueOf<Base>
  : Notation extends `${infer Base}[]`
    ? readonly ValueOf<Base>[]
    : Notation extends keyof ScalarTypes
      ? ScalarTypes[Notation]
      : Notation extends keyof WsdlTypes
        ? WsdlValue<Notation>
        : never;
type NamesOf<Fields, Wanted extends boolean> = {
  [Name in keyof Fields]: (Fields[Name] extends `${string}?` ? true : false) extends Wanted ? Name : never;
}[keyof Fields];

/** The arguments of a call, or a data object, as defined in the table. */
export type WsdlValue<Type extends keyof WsdlTypes> = {
  [Name in NamesOf<WsdlTypes[Type], false>]: ValueOf<WsdlTypes[Type][Name]>;
} & {
  [Name in NamesOf<WsdlTypes[Type], true>]?: ValueOf<WsdlTypes[Type][Name]>;
};

/** The calls: entries with a `_this` field. */
export type WsdlMethod = {
  [Name in keyof WsdlTypes]: WsdlTypes[Name] extends { _this: 'ref' } ? Name : never;
}[keyof WsdlTypes];

/** A managed object reference: the server's name of an object, such as `VirtualMachine` `vm-42`. */
export interface MoRef {
  type: string;
  value: string;
}

interface Field {
  name: string;
  type: string;
  repeated: boolean;
  optional: boolean;
  polymorphic: boolean;
}

/** The fields of a call or data object in WSDL order; undefined for an unknown type. */
export function fieldsOf(typeName: string): Field[] | undefined {
  const table: Record<string, Record<string, string>> = wsdlTypes;
  const declared = table[typeName];
  if (!declared) return undefined;
  return Object.entries(declared).map(([name, notation]) => {
    const type = notation.replace(/[?[\]]/g, '');
    return {
      name,
      type,
      repeated: notation.includes('[]'),
      optional: notation.endsWith('?'),
      polymorphic: POLYMORPHIC.has(type),
    };
  });
}
