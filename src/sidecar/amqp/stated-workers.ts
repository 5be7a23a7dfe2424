import type { MethodArguments } from './protocol/index.ts';

/** By this consumer argument a client says how many messages it works on at once; RabbitMQ passes over arguments that it does not know. */
export const WORKERS_ARGUMENT = 'x-priomesh-workers';

/** What the client says of itself; 0 where it says nothing that makes sense. */
export function statedWorkers(table: MethodArguments<'basic.consume'>['arguments']): number {
  const stated = table.find(([name]) => name === WORKERS_ARGUMENT)?.[1].value;
  return typeof stated === 'number' && Number.isInteger(stated) && stated > 0 ? stated : 0;
}
