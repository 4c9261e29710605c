/** A line of CSV (RFC 4180), with its line end. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A spreadsheet runs a cell that begins with one of these signs as a formula; an apostrophe makes it text. */
export function formulaFree(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}
