/** What a JSON text holds; undefined for what is no JSON, or not of the shape that `isShape` knows. */
export function readJson<Shape>(text: string, isShape: (value: unknown) => value is Shape): Shape | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isShape(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
