import { isIP } from 'node:net';
import { type ControlPlaneConfig, controlPlaneSchema } from './control-plane-schema.ts';
import { type DocumentKind, loadDocument, parseDocument } from './document.ts';

/** Configurations of control planes. */
export const controlPlaneKind: DocumentKind<ControlPlaneConfig, ControlPlaneConfig> = {
  name: 'control-plane',
  schema: controlPlaneSchema,
  resolve(config, report) {
    const port = config.listen.startsWith('unix:') ? undefined : /\d+$/.exec(config.listen)?.[0];
    if (port !== undefined && Number(port) > 65_535) {
      report.invalid(
        ['listen'],
        `${port} is no port`,
        'Name a port from 0 to 65535; 0 lets the kernel choose.',
      );
    }
    for (const [service, { endpoints }] of Object.entries(config.services)) {
      for (const [index, { host }] of endpoints.entries()) {
        if (isIP(host) !== 0) continue;
        report.invalid(
          ['services', service, 'endpoints', index, 'host'],
          `${JSON.stringify(host)} is no IPv4 or IPv6 address`,
          'Write the address as a literal.',
        );
      }
    }
    return config;
  },
};

/** Reads the configuration of a control plane from YAML or JSON text. @throws PriomeshError CONFIG_* */
export function parseControlPlaneConfig(text: string, file: string): ControlPlaneConfig {
  return parseDocument(controlPlaneKind, text, file);
}

/** Reads the configuration file of a control plane. @throws PriomeshError CONFIG_* */
export function loadControlPlaneConfig(file: string): Promise<ControlPlaneConfig> {
  return loadDocument(controlPlaneKind, file);
}
