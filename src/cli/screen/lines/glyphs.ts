/** The symbols of a live screen. */
export interface Glyphs {
  barFull: string;
  barEmpty: string;
  /** Before the headline of a VM in progress. */
  pending: string;
  done: string;
  failed: string;
  retry: string;
  ellipsis: string;
  /** Between the parts of a line. */
  separator: string;
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
  separator: '·',
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
  separator: '|',
  spinner: ['|', '/', '-', '\\'],
};

/** Unicode symbols when the locale (LC_ALL, LC_CTYPE, LANG, in this order) specifies UTF-8, otherwise ASCII. */
export function chooseGlyphs(env: NodeJS.ProcessEnv): Glyphs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}
