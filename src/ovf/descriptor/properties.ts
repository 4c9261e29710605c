import type { OvfElement } from './envelope.ts';
import { sectionsOf } from './sections.ts';

/** The default values of a VM's properties (DSP0243, 9.5). */
export class Properties {
  readonly #values = new Map<string, string>();

  /**
   * Reads the ProductSections of a VM and of the collections around it, outermost first, so that inner values override
   * outer ones.
   */
  constructor(holders: readonly OvfElement[], configuration: string | undefined) {
    for (const section of holders.flatMap((holder) => sectionsOf(holder, 'ProductSection'))) {
      for (const property of section.children('Property')) this.#add(section, property, configuration);
    }
  }

  #add(section: OvfElement, property: OvfElement, configuration: string | undefined): void {
    const key = property.attribute('key') ?? '';
    const ofConfiguration = property
      .children('Value')
      .find((value) => configuration !== undefined && value.attribute('configuration') === configuration);
    const value = ofConfiguration?.attribute('value') ?? property.attribute('value');
    if (value === undefined) return;
    const parts = [section.attribute('class'), key, section.attribute('instance')];
    // The full name is `class.key.instance`, but writers often refer to a property only by its key.
    for (const name of [key, parts.filter(Boolean).join('.')]) this.#values.set(name, value);
  }

  /**
   * Returns `text`, or the default of the property that it references as `${name}`. Undefined if there is no default.
   */
  resolve(text: string | undefined): string | undefined {
    const [, name] = /^\s*\$\{([^{}]{1,1000})\}\s*$/.exec(text ?? '') ?? [];
    return name === undefined ? text : this.#values.get(name.trim());
  }
}
