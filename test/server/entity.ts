import { ManagedObject } from './managed-object.ts';
import { arrayOf, enumOf, refs, strings, type Fields, type MoRef } from './value.ts';

/** An object in the inventory tree. */
export class Entity extends ManagedObject {
  /** The name as people see it, without the escapes of the API. */
  readonly displayName: string;
  readonly parent: Entity | undefined;
  readonly children: Entity[] = [];
  readonly #own: (self: Entity) => Fields;

  constructor(ref: MoRef, displayName: string, parent: Entity | undefined, own: (self: Entity) => Fields = () => ({})) {
    super(ref);
    this.displayName = displayName;
    this.parent = parent;
    this.#own = own;
    parent?.children.push(this);
  }

  /** The name with `/`, `\` and `%` escaped as `%2f`, `%5c` and `%25`, as the API sends and accepts it. */
  get name(): string {
    return escapeName(this.displayName);
  }

  /** The path below the root folder, such as `DC0/vm/Web/a%2fb`. */
  get inventoryPath(): string {
    if (this.parent === undefined) return '';
    const above = this.parent.inventoryPath;
    return above === '' ? this.name : `${above}/${this.name}`;
  }

  /** Yields this entity and all entities below it. */
  *descendants(): Generator<Entity> {
    for (const child of this.children) {
      yield child;
      yield* child.descendants();
    }
  }

  childRefs(type: string): MoRef[] {
    return this.children.filter((child) => child.ref.type === type).map((child) => child.ref);
  }

  properties(): Fields {
    const green = enumOf('ManagedEntityStatus', 'green');
    return {
      value: arrayOf('CustomFieldValue', []),
      availableField: arrayOf('CustomFieldDef', []),
      parent: this.parent?.ref,
      customValue: arrayOf('CustomFieldValue', []),
      overallStatus: green,
      configStatus: green,
      configIssue: arrayOf('Event', []),
      effectiveRole: arrayOf('int', [-1]),
      permission: arrayOf('Permission', []),
      name: this.name,
      disabledMethod: strings([]),
      recentTask: refs([]),
      declaredAlarmState: arrayOf('AlarmState', []),
      triggeredAlarmState: arrayOf('AlarmState', []),
      alarmActionsEnabled: true,
      tag: arrayOf('Tag', []),
      ...this.#own(this),
    };
  }
}

export function escapeName(name: string): string {
  return name.replace(/[%/\\]/g, (char) => ({ '%': '%25', '/': '%2f' })[char] ?? '%5c');
}

/** Decodes a name that a client sent. Clients may escape any character. */
export function unescapeName(name: string): string {
  return name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
