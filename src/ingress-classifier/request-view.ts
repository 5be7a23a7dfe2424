import { PathView, type Reading } from './path.ts';
import type { RequestFacts } from './types.ts';

const NO_FACTS: RequestFacts = {
  method: '',
  path: '',
  query: '',
  host: '',
  bodyBytes: 0,
  sourceAddress: '',
  urgency: -1,
  header: () => undefined,
};

/** The request at hand, as conditions see it. One object serves all requests of a classifier. */
export class RequestView {
  facts: RequestFacts = NO_FACTS;
  reading: Reading = 'strict';
  readonly path = new PathView();
  pathKeysOffered = false;
  /** Set where a fact can be read in two ways; the request is then classified in both readings. */
  ambiguous = false;
  /** Set where the query is beyond its limits. */
  queryOversized = false;

  load(facts: RequestFacts): void {
    this.facts = facts;
    this.reading = 'strict';
    this.pathKeysOffered = false;
    this.queryOversized = false;
    this.path.load(facts.path);
    this.ambiguous = this.path.ambiguous;
  }

  loadLenient(): void {
    this.reading = 'lenient';
    this.pathKeysOffered = false;
    this.path.loadLenient();
  }
}
