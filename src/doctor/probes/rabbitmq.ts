import { rabbitmqVersion } from '../../lab/index.ts';
import type { Probe } from '../probe.ts';
import { installed } from '../tools.ts';

/** RabbitMQ: the laboratory starts a broker of its own, without the system's service. */
export const rabbitmqProbe: Probe = {
  name: 'rabbitmq',
  serves: 'column broker',
  run: async () => {
    const version = await rabbitmqVersion();
    return installed(version === undefined ? undefined : `RabbitMQ ${version}`, 'rabbitmq-server');
  },
};
