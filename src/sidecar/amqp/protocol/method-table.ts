/**
 * The methods of AMQP 0-9-1 (specification, sections 1.4 to 1.8 of the reference) and RabbitMQ's extensions to them (its page
 * "AMQP 0-9-1 extensions": publisher confirms, basic.nack, exchange to exchange bindings, connection.blocked, connection.update-secret;
 * its internal basic.credit). Names of arguments are the specification's in camel case; `ticket` and others that 0-9-1 reserves
 * keep the name that says what they were.
 *
 * An entry: class and method number, who sends it, its arguments in their order on the wire, and where they apply the methods that
 * answer it and whether content follows it.
 */
export const METHODS = {
  'connection.start': {
    id: [10, 10],
    from: 'server',
    args: {
      versionMajor: 'octet',
      versionMinor: 'octet',
      serverProperties: 'table',
      mechanisms: 'longstr',
      locales: 'longstr',
    },
    replies: ['connection.start-ok'],
  },
  'connection.start-ok': {
    id: [10, 11],
    from: 'client',
    args: { clientProperties: 'table', mechanism: 'shortstr', response: 'longstr', locale: 'shortstr' },
  },
  'connection.secure': {
    id: [10, 20],
    from: 'server',
    args: { challenge: 'longstr' },
    replies: ['connection.secure-ok'],
  },
  'connection.secure-ok': { id: [10, 21], from: 'client', args: { response: 'longstr' } },
  'connection.tune': {
    id: [10, 30],
    from: 'server',
    args: { channelMax: 'short', frameMax: 'long', heartbeat: 'short' },
    replies: ['connection.tune-ok'],
  },
  'connection.tune-ok': {
    id: [10, 31],
    from: 'client',
    args: { channelMax: 'short', frameMax: 'long', heartbeat: 'short' },
  },
  'connection.open': {
    id: [10, 40],
    from: 'client',
    args: { virtualHost: 'shortstr', capabilities: 'shortstr', insist: 'bit' },
    replies: ['connection.open-ok'],
  },
  'connection.open-ok': { id: [10, 41], from: 'server', args: { knownHosts: 'shortstr' } },
  'connection.close': {
    id: [10, 50],
    from: 'both',
    args: { replyCode: 'short', replyText: 'shortstr', classId: 'short', methodId: 'short' },
    replies: ['connection.close-ok'],
  },
  'connection.close-ok': { id: [10, 51], from: 'both', args: {} },
  'connection.blocked': { id: [10, 60], from: 'server', args: { reason: 'shortstr' } },
  'connection.unblocked': { id: [10, 61], from: 'server', args: {} },
  'connection.update-secret': {
    id: [10, 70],
    from: 'client',
    args: { newSecret: 'longstr', reason: 'shortstr' },
    replies: ['connection.update-secret-ok'],
  },
  'connection.update-secret-ok': { id: [10, 71], from: 'server', args: {} },

  'channel.open': {
    id: [20, 10],
    from: 'client',
    args: { outOfBand: 'shortstr' },
    replies: ['channel.open-ok'],
  },
  'channel.open-ok': { id: [20, 11], from: 'server', args: { channelId: 'longstr' } },
  'channel.flow': { id: [20, 20], from: 'both', args: { active: 'bit' }, replies: ['channel.flow-ok'] },
  'channel.flow-ok': { id: [20, 21], from: 'both', args: { active: 'bit' } },
  'channel.close': {
    id: [20, 40],
    from: 'both',
    args: { replyCode: 'short', replyText: 'shortstr', classId: 'short', methodId: 'short' },
    replies: ['channel.close-ok'],
  },
  'channel.close-ok': { id: [20, 41], from: 'both', args: {} },

  'access.request': {
    id: [30, 10],
    from: 'client',
    args: { realm: 'shortstr', exclusive: 'bit', passive: 'bit', active: 'bit', write: 'bit', read: 'bit' },
    replies: ['access.request-ok'],
  },
  'access.request-ok': { id: [30, 11], from: 'server', args: { ticket: 'short' } },

  'exchange.declare': {
    id: [40, 10],
    from: 'client',
    args: {
      ticket: 'short',
      exchange: 'shortstr',
      type: 'shortstr',
      passive: 'bit',
      durable: 'bit',
      autoDelete: 'bit',
      internal: 'bit',
      noWait: 'bit',
      arguments: 'table',
    },
    replies: ['exchange.declare-ok'],
  },
  'exchange.declare-ok': { id: [40, 11], from: 'server', args: {} },
  'exchange.delete': {
    id: [40, 20],
    from: 'client',
    args: { ticket: 'short', exchange: 'shortstr', ifUnused: 'bit', noWait: 'bit' },
    replies: ['exchange.delete-ok'],
  },
  'exchange.delete-ok': { id: [40, 21], from: 'server', args: {} },
  'exchange.bind': {
    id: [40, 30],
    from: 'client',
    args: {
      ticket: 'short',
      destination: 'shortstr',
      source: 'shortstr',
      routingKey: 'shortstr',
      noWait: 'bit',
      arguments: 'table',
    },
    replies: ['exchange.bind-ok'],
  },
  'exchange.bind-ok': { id: [40, 31], from: 'server', args: {} },
  'exchange.unbind': {
    id: [40, 40],
    from: 'client',
    args: {
      ticket: 'short',
      destination: 'shortstr',
      source: 'shortstr',
      routingKey: 'shortstr',
      noWait: 'bit',
      arguments: 'table',
    },
    replies: ['exchange.unbind-ok'],
  },
  'exchange.unbind-ok': { id: [40, 51], from: 'server', args: {} },

  'queue.declare': {
    id: [50, 10],
    from: 'client',
    args: {
      ticket: 'short',
      queue: 'shortstr',
      passive: 'bit',
      durable: 'bit',
      exclusive: 'bit',
      autoDelete: 'bit',
      noWait: 'bit',
      arguments: 'table',
    },
    replies: ['queue.declare-ok'],
  },
  'queue.declare-ok': {
    id: [50, 11],
    from: 'server',
    args: { queue: 'shortstr', messageCount: 'long', consumerCount: 'long' },
  },
  'queue.bind': {
    id: [50, 20],
    from: 'client',
    args: {
      ticket: 'short',
      queue: 'shortstr',
      exchange: 'shortstr',
      routingKey: 'shortstr',
      noWait: 'bit',
      arguments: 'table',
    },
    replies: ['queue.bind-ok'],
  },
  'queue.bind-ok': { id: [50, 21], from: 'server', args: {} },
  'queue.purge': {
    id: [50, 30],
    from: 'client',
    args: { ticket: 'short', queue: 'shortstr', noWait: 'bit' },
    replies: ['queue.purge-ok'],
  },
  'queue.purge-ok': { id: [50, 31], from: 'server', args: { messageCount: 'long' } },
  'queue.delete': {
    id: [50, 40],
    from: 'client',
    args: { ticket: 'short', queue: 'shortstr', ifUnused: 'bit', ifEmpty: 'bit', noWait: 'bit' },
    replies: ['queue.delete-ok'],
  },
  'queue.delete-ok': { id: [50, 41], from: 'server', args: { messageCount: 'long' } },
  'queue.unbind': {
    id: [50, 50],
    from: 'client',
    args: {
      ticket: 'short',
      queue: 'shortstr',
      exchange: 'shortstr',
      routingKey: 'shortstr',
      arguments: 'table',
    },
    replies: ['queue.unbind-ok'],
  },
  'queue.unbind-ok': { id: [50, 51], from: 'server', args: {} },

  'basic.qos': {
    id: [60, 10],
    from: 'client',
    args: { prefetchSize: 'long', prefetchCount: 'short', global: 'bit' },
    replies: ['basic.qos-ok'],
  },
  'basic.qos-ok': { id: [60, 11], from: 'server', args: {} },
  'basic.consume': {
    id: [60, 20],
    from: 'client',
    args: {
      ticket: 'short',
      queue: 'shortstr',
      consumerTag: 'shortstr',
      noLocal: 'bit',
      noAck: 'bit',
      exclusive: 'bit',
      noWait: 'bit',
      arguments: 'table',
    },
    replies: ['basic.consume-ok'],
  },
  'basic.consume-ok': { id: [60, 21], from: 'server', args: { consumerTag: 'shortstr' } },
  'basic.cancel': {
    id: [60, 30],
    from: 'both',
    args: { consumerTag: 'shortstr', noWait: 'bit' },
    replies: ['basic.cancel-ok'],
  },
  'basic.cancel-ok': { id: [60, 31], from: 'both', args: { consumerTag: 'shortstr' } },
  'basic.publish': {
    id: [60, 40],
    from: 'client',
    args: {
      ticket: 'short',
      exchange: 'shortstr',
      routingKey: 'shortstr',
      mandatory: 'bit',
      immediate: 'bit',
    },
    content: true,
  },
  'basic.return': {
    id: [60, 50],
    from: 'server',
    args: { replyCode: 'short', replyText: 'shortstr', exchange: 'shortstr', routingKey: 'shortstr' },
    content: true,
  },
  'basic.deliver': {
    id: [60, 60],
    from: 'server',
    args: {
      consumerTag: 'shortstr',
      deliveryTag: 'longlong',
      redelivered: 'bit',
      exchange: 'shortstr',
      routingKey: 'shortstr',
    },
    content: true,
  },
  'basic.get': {
    id: [60, 70],
    from: 'client',
    args: { ticket: 'short', queue: 'shortstr', noAck: 'bit' },
    replies: ['basic.get-ok', 'basic.get-empty'],
  },
  'basic.get-ok': {
    id: [60, 71],
    from: 'server',
    args: {
      deliveryTag: 'longlong',
      redelivered: 'bit',
      exchange: 'shortstr',
      routingKey: 'shortstr',
      messageCount: 'long',
    },
    content: true,
  },
  'basic.get-empty': { id: [60, 72], from: 'server', args: { clusterId: 'shortstr' } },
  'basic.ack': { id: [60, 80], from: 'both', args: { deliveryTag: 'longlong', multiple: 'bit' } },
  'basic.reject': { id: [60, 90], from: 'client', args: { deliveryTag: 'longlong', requeue: 'bit' } },
  'basic.recover-async': { id: [60, 100], from: 'client', args: { requeue: 'bit' } },
  'basic.recover': { id: [60, 110], from: 'client', args: { requeue: 'bit' }, replies: ['basic.recover-ok'] },
  'basic.recover-ok': { id: [60, 111], from: 'server', args: {} },
  'basic.nack': {
    id: [60, 120],
    from: 'both',
    args: { deliveryTag: 'longlong', multiple: 'bit', requeue: 'bit' },
  },
  'basic.credit': {
    id: [60, 200],
    from: 'client',
    args: { consumerTag: 'shortstr', credit: 'long', drain: 'bit' },
    replies: ['basic.credit-ok'],
  },
  'basic.credit-ok': { id: [60, 201], from: 'server', args: { available: 'long' } },
  'basic.credit-drained': {
    id: [60, 202],
    from: 'server',
    args: { consumerTag: 'shortstr', creditDrained: 'long' },
  },

  'confirm.select': { id: [85, 10], from: 'client', args: { noWait: 'bit' }, replies: ['confirm.select-ok'] },
  'confirm.select-ok': { id: [85, 11], from: 'server', args: {} },

  'tx.select': { id: [90, 10], from: 'client', args: {}, replies: ['tx.select-ok'] },
  'tx.select-ok': { id: [90, 11], from: 'server', args: {} },
  'tx.commit': { id: [90, 20], from: 'client', args: {}, replies: ['tx.commit-ok'] },
  'tx.commit-ok': { id: [90, 21], from: 'server', args: {} },
  'tx.rollback': { id: [90, 30], from: 'client', args: {}, replies: ['tx.rollback-ok'] },
  'tx.rollback-ok': { id: [90, 31], from: 'server', args: {} },
} as const;

/** The name of a method, such as `basic.publish`. */
export type MethodName = keyof typeof METHODS;
