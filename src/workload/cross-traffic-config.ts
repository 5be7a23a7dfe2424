import { z } from 'zod';
import { addressSchema, nameSchema } from './process-config.ts';

/** Headers of Ethernet, IPv4 and UDP before a payload: what a queueing discipline counts beside it. */
export const HEADER_BYTES = 14 + 20 + 8;
/** A frame as a queueing discipline counts it, nearly as large as Ethernet allows: few packets are little work for the switches. */
export const FRAME_BYTES = 1500;

const sendSchema = z
  .strictObject({
    role: z.literal('send'),
    name: nameSchema,
    target: addressSchema,
    /** Bits a second on the wire, headers included. */
    rateBps: z.number().min(1000).max(100_000_000_000),
    /** The instant that the times count from, CLOCK_MONOTONIC in milliseconds. */
    originMs: z.number().min(0),
    /** When it begins, after the origin. */
    startMs: z.number().min(0).max(86_400_000),
    durationMs: z.number().positive().max(86_400_000),
  })
  .readonly();

const receiveSchema = z
  .strictObject({ role: z.literal('receive'), name: nameSchema, listen: addressSchema })
  .readonly();

/** The configuration of one end of a flow of cross traffic. */
export const crossTrafficConfigSchema = z.discriminatedUnion('role', [sendSchema, receiveSchema]);

/** What is written into the file of one end of a flow. */
export type CrossTrafficConfig = z.input<typeof crossTrafficConfigSchema>;
/** The configuration of the sending end. */
export type CrossTrafficSend = z.output<typeof sendSchema>;
/** The configuration of the receiving end. */
export type CrossTrafficReceive = z.output<typeof receiveSchema>;
