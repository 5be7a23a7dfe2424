import type { Policy } from '../../core/index.ts';
import type { ConnectionProfile } from '../../transport/index.ts';

/**
 * How connections are sent, by class and network path: one profile object for each. A class that may move has objects of its own, so that
 * no other class shares its connections; all others keep the profile that they have.
 */
export class PathProfiles {
  /** By class: what a connection begins with while nothing has moved. */
  readonly defaults: readonly ConnectionProfile[];
  readonly #alternates: readonly (readonly ConnectionProfile[])[];

  /**
   * @param profiles by class, as the other layers want them
   * @param movable the classes that may take other paths
   */
  constructor(policy: Policy, profiles: readonly ConnectionProfile[], movable: readonly number[]) {
    this.defaults = profiles.map((profile, classIndex) =>
      // Stated even where it is 0: else a connection could keep the mark of its peer's SYN, and one that is being opened could not move yet.
      movable.includes(classIndex) ? { ...profile, dscp: profile.dscp ?? 0 } : profile,
    );
    this.#alternates = this.defaults.map((profile, classIndex) =>
      movable.includes(classIndex)
        ? (policy.classes[classIndex]?.network.alternateDscp ?? []).map((dscp, index) => ({
            ...profile,
            dscp,
            networkPath: index + 1,
          }))
        : [],
    );
  }

  /** The profile of a class on a path, 0 being the default one. A path that its marks do not reach is the default one. */
  of(classIndex: number, path: number): ConnectionProfile {
    return this.#alternates[classIndex]?.[path - 1] ?? (this.defaults[classIndex] as ConnectionProfile);
  }
}
