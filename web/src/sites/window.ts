/** Which rows of a long list are drawn. */

/** First row and the one after the last, with `margin` rows beyond both edges of what is seen. */
export function windowOf(
  scrollTop_px: number,
  height_px: number,
  row_px: number,
  rows: number,
  margin = 6,
): { start: number; end: number } {
  const first = Math.floor(scrollTop_px / row_px) - margin;
  const last = Math.ceil((scrollTop_px + height_px) / row_px) + margin;
  const start = Math.min(Math.max(first, 0), rows);
  return { start, end: Math.min(Math.max(last, start), rows) };
}
