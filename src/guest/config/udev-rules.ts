/** One `KEY{ATTRIBUTE}OPERATOR"VALUE"` of a rule. */
export interface UdevToken {
  key: string;
  attribute: string | undefined;
  /** `==` and `!=` match; `=`, `+=`, `-=` and `:=` assign. */
  operator: string;
  value: string;
}

/** A rule of a udev rules file (udev(7)). */
export interface UdevRule {
  tokens: readonly UdevToken[];
  /** The rule's first line, counted from 1. */
  line: number;
}

/** The rules in file order. A backslash at the end of a line continues the rule. */
export function parseUdevRules(text: string): UdevRule[] {
  const rules: UdevRule[] = [];
  let rule = '';
  let first = 0;
  for (const [index, each] of text.split('\n').entries()) {
    const content = each.trim();
    if (rule === '') first = index + 1;
    if (rule === '' && (content === '' || content.startsWith('#'))) continue;
    if (content.endsWith('\\')) {
      rule += `${content.slice(0, -1)} `;
      continue;
    }
    const tokens = readTokens(rule + content);
    if (tokens.length > 0) rules.push({ tokens, line: first });
    rule = '';
  }
  return rules;
}

function readTokens(text: string): UdevToken[] {
  return [...text.matchAll(/([A-Z_]+)(?:\{([^}]*)\})?\s*(==|!=|\+=|-=|:=|=)\s*[ei]?"((?:[^"\\]|\\.)*)"/g)].map(
    ([, key = '', attribute, operator = '=', value = '']) => ({
      key,
      attribute,
      operator,
      value,
    }),
  );
}

/** The values that a rule assigns to a key, split at white space. */
export function assigned(rule: UdevRule, key: string): string[] {
  return rule.tokens
    .filter((token) => token.key === key && ['=', '+=', ':='].includes(token.operator))
    .flatMap(({ value }) => value.split(/\s+/).filter(Boolean));
}
