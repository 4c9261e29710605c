const ESCAPE = String.fromCharCode(0x1b);
const SEQUENCE = new RegExp(`^${ESCAPE}\\[\\??([0-9;]*)([A-Za-z])$`);
const TOKEN = new RegExp(`${ESCAPE}\\[\\??[0-9;]*[A-Za-z]|[\\s\\S]`, 'gu');

/**
 * Returns the rows that a terminal of unlimited height shows after `text`. Supports only the escape sequences of a
 * live list. @throws on any other
 */
export function terminalRows(text: string): string[] {
  const rows = [''];
  let row = 0;
  let column = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    const [, count, order] = SEQUENCE.exec(token) ?? [];
    if (token === '\n') [row, column] = [row + 1, 0];
    else if (token === '\r' || order === 'G') column = 0;
    else if (order === 'A') row = Math.max(0, row - Number(count || 1));
    else if (order === 'B') row += Number(count || 1);
    else if (order === 'K') rows[row] = '';
    else if (order === 'J') rows.splice(row);
    else if (order === undefined) {
      rows[row] = (rows[row] ?? '').padEnd(column).slice(0, column) + token + (rows[row] ?? '').slice(column + 1);
      column += 1;
    } else if (!['h', 'l', 'm'].includes(order)) throw new Error(`unknown sequence ${JSON.stringify(token)}`);
    while (rows.length <= row) rows.push('');
  }
  return rows;
}
