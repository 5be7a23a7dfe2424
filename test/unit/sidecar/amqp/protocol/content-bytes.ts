import { ByteWriter } from '../../../../../src/sidecar/amqp/protocol/byte-writer.ts';
import { writeTable } from '../../../../../src/sidecar/amqp/protocol/field-table.ts';
import type { DrawnProperties } from './arbitraries.ts';

/** The straightforward way to write a content header's payload, property after property (AMQP 0-9-1 section 4.2.6.1). */
export function contentBytes(properties: DrawnProperties, bodySize = 0): Buffer {
  const writer = new ByteWriter();
  writer.short(60);
  writer.short(0);
  writer.longlong(bodySize);
  const flagsAt = writer.room(2);
  let flags = 0;
  const property = <K extends keyof DrawnProperties>(
    place: number,
    name: K,
    write: (value: NonNullable<DrawnProperties[K]>) => void,
  ): void => {
    const value = properties[name];
    if (value === undefined || value === null) return;
    flags |= 1 << (15 - place);
    write(value);
  };
  const text = (value: string): void => writer.shortString(value);
  property(0, 'contentType', text);
  property(1, 'contentEncoding', text);
  property(2, 'headers', (table) => writeTable(writer, table));
  property(3, 'deliveryMode', (value) => writer.octet(value));
  property(4, 'priority', (value) => writer.octet(value));
  property(5, 'correlationId', text);
  property(6, 'replyTo', text);
  property(7, 'expiration', text);
  property(8, 'messageId', text);
  property(9, 'timestamp', (value) => writer.longlong(value));
  property(10, 'type', text);
  property(11, 'userId', text);
  property(12, 'appId', text);
  property(13, 'clusterId', text);
  writer.bytes.writeUInt16BE(flags, flagsAt);
  return writer.written();
}
