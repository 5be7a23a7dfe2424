export { OWN_ANSWER_FIELD } from './application-call.ts';
export { RequestReply } from './request-reply.ts';
