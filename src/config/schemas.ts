import { bridgeFileKind, bridgeKind } from './bridge.ts';
import { controlPlaneKind } from './control-plane.ts';
import { type DocumentKind, jsonSchemaOf } from './document.ts';
import { experimentKind } from './experiment.ts';
import { graphKind } from './graph.ts';
import type { JsonSchema } from './json-schema.ts';
import { policyKind } from './policy.ts';
import { sidecarFileKind, sidecarKind } from './sidecar.ts';
import { endpointsKind } from './upstream.ts';

/** The URN under which a schema of priomesh is known: editors and validators refer to it without a network. */
export function schemaId(name: string): string {
  return `urn:priomesh:schema:${name}:v1`;
}

function published<Value, Result>(kind: DocumentKind<Value, Result>): readonly [string, JsonSchema] {
  const { $schema, ...rest } = jsonSchemaOf(kind);
  return [kind.name, { ...($schema === undefined ? {} : { $schema }), $id: schemaId(kind.name), ...rest }];
}

/** The JSON Schemas (2020-12) of the files that a person or a program writes for priomesh, by name. */
export function schemas(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries([
    published(policyKind),
    published(experimentKind),
    published(graphKind),
    published(sidecarKind),
    published(sidecarFileKind),
    published(endpointsKind),
    published(controlPlaneKind),
    published(bridgeKind),
    published(bridgeFileKind),
  ]);
}
