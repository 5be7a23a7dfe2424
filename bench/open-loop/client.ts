/** Hears once of each request that was sent: whether a complete response with status 200 came. */
export type Done = (request: number, ok: boolean) => void;

/** What sends requests of one protocol, all alike, and reads their responses. */
export interface Client {
  /** Sends a request now, over a connection that is open or over a new one. */
  send(request: number): void;
  /** The connection with this tag has something to read. */
  readable(tag: number): void;
  close(): void;
}
