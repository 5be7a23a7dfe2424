import { HASH_START, hashKey, hashStep } from '../hash.ts';
import { KEY_KINDS, type Matcher } from '../matcher.ts';
import { AddressParser, contains, type Network, parseNetwork, prefixMask } from '../networks.ts';

/** The key of an address cut to a prefix. */
function networkKey(family: number, prefixBits: number, words: Uint32Array): number {
  let hash = hashStep(hashStep(HASH_START, family), prefixBits);
  const count = family === 4 ? 1 : 4;
  for (let index = 0; index < count; index += 1) {
    hash = hashStep(hash, (words[index] ?? 0) & prefixMask(prefixBits, index));
  }
  return hashKey(hash);
}

/** `sourceNetworks`: CIDR blocks, one of which holds the peer's address. */
export function sourceNetworksMatcher(): Matcher {
  const address = new AddressParser();
  /** The lengths of prefix that occur, each once. */
  const prefixes: Pick<Network, 'family' | 'prefixBits'>[] = [];

  return {
    compile({ sourceNetworks }) {
      if (sourceNetworks === undefined) return undefined;
      const networks = sourceNetworks.map(parseNetwork);
      for (const { family, prefixBits } of networks) {
        if (!prefixes.some((known) => known.family === family && known.prefixBits === prefixBits)) {
          prefixes.push({ family, prefixBits });
        }
      }
      const keys = networks.map(({ family, prefixBits, words }) => networkKey(family, prefixBits, words));
      return {
        keySets: keys.length === 0 ? [] : [{ kind: KEY_KINDS.network, keys }],
        matches() {
          for (let index = 0; index < networks.length; index += 1) {
            const network = networks[index];
            if (network !== undefined && contains(network, address)) return true;
          }
          return false;
        },
      };
    },
    prepare({ facts }, keys) {
      const family = address.parse(facts.sourceAddress);
      for (let index = 0; index < prefixes.length; index += 1) {
        const prefix = prefixes[index];
        if (prefix?.family !== family) continue;
        keys.offer(KEY_KINDS.network, networkKey(family, prefix.prefixBits, address.words));
      }
    },
  };
}
