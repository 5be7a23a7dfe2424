export { Mirror } from './mirror.ts';
export { injectFaults } from './stages/inject-fault.ts';
export { routeRequest } from './stages/route-request.ts';
