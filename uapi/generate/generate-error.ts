/** The generator cannot go on: bad command line, header that does not compile, no compiler. */
export class GenerateError extends Error {
  override name = 'GenerateError';
}
