/** A path with more segments is not matched: it gets the least important class, and is counted. */
export const MAX_PATH_SEGMENTS = 128;

/** A longer path is not matched: it gets the least important class, and is counted. */
export const MAX_PATH_CHARACTERS = 8192;

/** A query with more parameters is not matched where a rule reads the query: it gets the least important class, and is counted. */
export const MAX_QUERY_PARAMETERS = 128;

/** A longer query is not matched where a rule reads the query: it gets the least important class, and is counted. */
export const MAX_QUERY_CHARACTERS = 8192;

/**
 * Rules are indexed by the value of at most this many distinct headers; rules by further headers are compared with every
 * request, because each indexed header costs a look-up in every request.
 */
export const MAX_INDEXED_HEADERS = 8;
