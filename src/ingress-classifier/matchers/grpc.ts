import { PriomeshError } from '../../core/index.ts';
import type { Matcher } from '../matcher.ts';
import { compilePattern, offerPathKeys } from '../pattern.ts';

const CONTENT_TYPE = 'application/grpc';

/** The content type of gRPC over HTTP/2: `application/grpc`, alone or with `+codec` or parameters; letter case is free. */
function isGrpc(contentType: string | undefined): boolean {
  if (contentType === undefined || contentType.length < CONTENT_TYPE.length) return false;
  if (contentType.slice(0, CONTENT_TYPE.length).toLowerCase() !== CONTENT_TYPE) return false;
  const next = contentType.charAt(CONTENT_TYPE.length);
  return next === '' || next === '+' || next === ';' || next === ' ' || next === '\t';
}

/** `grpc`: `package.Service/Method` or `package.Service/*`, of requests that are gRPC. */
export function grpcMatcher(): Matcher {
  return {
    compile({ grpc }) {
      if (grpc === undefined) return undefined;
      if (!/^[A-Za-z_][\w.]*\/(?:\*|[A-Za-z_]\w*)$/.test(grpc)) {
        throw new PriomeshError('CONFIG_INVALID', `\`${grpc}\` is not a gRPC method`, {
          fix: 'Write `package.Service/Method` or `package.Service/*`.',
        });
      }
      const path = compilePattern(`/${grpc}`);
      return {
        keySets: path.keySets,
        matches: (request) => path.matches(request) && isGrpc(request.facts.header('content-type')),
      };
    },
    prepare: offerPathKeys,
  };
}
