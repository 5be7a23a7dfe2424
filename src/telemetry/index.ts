export type { Frame, LinkRow, LiveEvent, ServiceRow, WatchedRun, WatchedTrial } from './frame.ts';
export { parseFileLine } from './lines.ts';
export { LiveView } from './live-view.ts';
export { LineTail } from './tail.ts';
