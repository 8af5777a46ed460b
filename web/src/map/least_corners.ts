/** An outline has at least this many corners. */
export const LEAST_CORNERS = 3;
