export { http2Protocol } from './http2-protocol.ts';
