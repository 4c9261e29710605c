/** The random part at the end of a job's ID, which is enough to name the job: `1a2b3c4d`. */
export function shortId(id: string): string {
  return id.slice(id.lastIndexOf('-') + 1);
}
