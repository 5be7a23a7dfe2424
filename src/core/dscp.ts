/**
 * The names that DSCP values have: class selectors (RFC 2474), assured forwarding (RFC 2597), expedited forwarding
 * (RFC 3246), capacity-admitted voice (RFC 5865), lower effort (RFC 8622), and `DF`, the default forwarding behaviour.
 * A value that two names share is written with the name that stands first.
 */
export const DSCP_NAMES = {
  DF: 0,
  CS0: 0,
  LE: 1,
  CS1: 8,
  AF11: 10,
  AF12: 12,
  AF13: 14,
  CS2: 16,
  AF21: 18,
  AF22: 20,
  AF23: 22,
  CS3: 24,
  AF31: 26,
  AF32: 28,
  AF33: 30,
  CS4: 32,
  AF41: 34,
  AF42: 36,
  AF43: 38,
  CS5: 40,
  VA: 44,
  EF: 46,
  CS6: 48,
  CS7: 56,
} as const satisfies Readonly<Record<string, number>>;

/** A name in {@link DSCP_NAMES}. */
export type DscpName = keyof typeof DSCP_NAMES;

const VALUES: ReadonlyMap<string, number> = new Map(Object.entries(DSCP_NAMES));
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(DSCP_NAMES)
    .map(([name, value]) => [value, name] as const)
    .reverse(),
);

/** The six-bit value (0 to 63) of a DSCP name, in any letter case; undefined for a name that no RFC gives. */
export function dscpFromName(name: string): number | undefined {
  return VALUES.get(name.toUpperCase());
}

/** The name of a six-bit DSCP value, or its decimal digits where it has none. */
export function dscpName(value: number): string {
  return NAMES.get(value) ?? String(value);
}

/** The octet that carries a DSCP in IPv4's TOS and IPv6's traffic-class field (RFC 2474 section 3): the value in the upper six bits, ECN zero. */
export function dscpToTos(dscp: number): number {
  return dscp << 2;
}
