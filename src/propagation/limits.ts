/** The key of the own member in `tracestate`. */
export const TRACESTATE_KEY = 'priomesh';

/** What stands before the class name in the own tracestate member, so that the member can carry more one day. */
export const TRACESTATE_VALUE_PREFIX = 'c:';

/** The key of the own member in `baggage`. */
export const BAGGAGE_KEY = 'priomesh.class';

/** W3C Trace Context section 3.3.1.1: a list holds at most this many members. */
export const TRACESTATE_MAX_MEMBERS = 32;

/** How many characters of tracestate are sent on. W3C Trace Context section 3.3.1.5 asks for 512 at least. */
export const TRACESTATE_MAX_CHARACTERS = 1024;

/** A larger tracestate is not read at all; it is discarded. */
export const TRACESTATE_MAX_READ_CHARACTERS = 8192;

/** W3C Trace Context section 3.3.1.5: members larger than this go first when a list has to be cut. */
export const TRACESTATE_LARGE_MEMBER_CHARACTERS = 128;

/**
 * How many members of others are sent on beside ours when the list is rewritten. W3C Baggage section 3.3.2 asks for 64 at
 * least; its grammar (section 3.3.1) allows 180.
 */
export const BAGGAGE_MAX_OTHER_MEMBERS = 179;

/** How many bytes of others' members are sent on beside ours. W3C Baggage section 3.3.2 asks for 8192 at least. */
export const BAGGAGE_MAX_OTHER_BYTES = 8192;

/** A larger baggage is not read at all; it is discarded. */
export const BAGGAGE_MAX_READ_CHARACTERS = 16_384;

/** A longer traceparent, of whatever future version, is not read. */
export const TRACEPARENT_MAX_CHARACTERS = 512;

/** A longer `priority` is not read. */
export const PRIORITY_MAX_CHARACTERS = 1024;

/** A longer request id is not used to find the class. */
export const REQUEST_ID_MAX_CHARACTERS = 128;

/** How many trace ids, and how many request ids, the provenance table holds. */
export const PROVENANCE_CAPACITY = 16_384;

/** How long a request counts as being inside when nobody says that it has left. */
export const PROVENANCE_TTL_MS = 120_000;

/** How many random bytes are drawn from the source at once. */
export const RANDOM_BATCH_BYTES = 16_384;

/** In place of a class index: no class is carried. */
export const NO_CLASS = -1;

/** In place of a class index: a class is named that the policy does not have. */
export const UNKNOWN_CLASS = -2;

/** In place of a class index: requests of different classes have the same id. */
export const AMBIGUOUS_CLASS = -3;
