declare const catalogueBrand: unique symbol;

/** What the names of one database mean. Opaque; made by a probe, read by `classify` of the same engine. */
export interface Catalogue {
  readonly [catalogueBrand]: 'catalogue';
}
