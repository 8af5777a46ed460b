/** The token of the server: kept for this tab only. */

const KEY = "minesegsat-token";

export function token(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepToken(value: string | null): void {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

export function authorization(): Record<string, string> {
  const value = token();
  return value ? { authorization: `Bearer ${value}` } : {};
}
