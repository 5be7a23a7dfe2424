export { RequestReply } from './request-reply.ts';
