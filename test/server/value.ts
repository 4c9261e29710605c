/** A reference to an object on the server, such as `VirtualMachine:vm-42`. */
export class MoRef {
  readonly type: string;
  readonly value: string;

  constructor(type: string, value: string) {
    this.type = type;
    this.value = value;
  }
}

/** A structured value of the API. Its fields are in WSDL order and are written in that order. */
export class DataObject {
  readonly type: string;
  readonly fields: Fields;

  constructor(type: string, fields: Fields) {
    this.type = type;
    this.fields = fields;
  }
}

/** A list. As a field it is written as repeated elements; as a value of any type, as an `ArrayOf…`. */
export class ValueArray {
  readonly itemType: string;
  readonly items: readonly PlainValue[];

  constructor(itemType: string, items: readonly PlainValue[]) {
    this.itemType = itemType;
    this.items = items;
  }
}

/** A value of an API enumeration. */
export class EnumValue {
  readonly type: string;
  readonly text: string;

  constructor(type: string, text: string) {
    this.type = type;
    this.text = text;
  }
}

/** A number is written as `xsd:int`, a bigint as `xsd:long`. */
export type PlainValue = string | number | bigint | boolean | Date | MoRef | DataObject | ValueArray | EnumValue;
/** Undefined means an unset field. */
export type Value = PlainValue | undefined;
export type Fields = Record<string, Value>;

export const data = (type: string, fields: Fields = {}): DataObject => new DataObject(type, fields);
export const arrayOf = (itemType: string, items: readonly PlainValue[]): ValueArray => new ValueArray(itemType, items);
export const refs = (items: readonly MoRef[]): ValueArray => new ValueArray('ManagedObjectReference', items);
export const strings = (items: readonly string[]): ValueArray => new ValueArray('string', items);
export const enumOf = (type: string, text: string): EnumValue => new EnumValue(type, text);
