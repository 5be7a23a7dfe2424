import { access } from 'node:fs/promises';
import type { Probe } from '../probe.ts';
import { installed } from '../tools.ts';

const LAUNCHER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** RabbitMQ: the launcher that starts a broker without the system's service. */
export const rabbitmqProbe: Probe = {
  name: 'rabbitmq',
  serves: 'column broker',
  run: async () =>
    installed(
      await access(LAUNCHER).then(
        () => LAUNCHER,
        () => undefined,
      ),
      'rabbitmq-server',
    ),
};
