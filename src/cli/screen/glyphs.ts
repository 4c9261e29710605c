/** The signs of a live screen. */
export interface Glyphs {
  barFull: string;
  barEmpty: string;
  /** Before a headline whose VM is in work. */
  pending: string;
  done: string;
  failed: string;
  retry: string;
  ellipsis: string;
  spinner: readonly string[];
}

const UNICODE: Glyphs = {
  barFull: '█',
  barEmpty: '░',
  pending: '❯',
  done: '✔',
  failed: '✖',
  retry: '↻',
  ellipsis: '…',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
};

const ASCII: Glyphs = {
  barFull: '#',
  barEmpty: '-',
  pending: '>',
  done: '+',
  failed: 'x',
  retry: '~',
  ellipsis: '~',
  spinner: ['|', '/', '-', '\\'],
};

/** Unicode signs where the locale (LC_ALL, LC_CTYPE, LANG in this order) says UTF-8, else ASCII. */
export function chooseGlyphs(env: NodeJS.ProcessEnv): Glyphs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}
