/** A reporter for node's test runner: one line a skipped test, with its reason. */
export default async function* skips(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' || data.skip === undefined || data.skip === false) continue;
    const reason = data.skip === true || data.skip === '' ? 'no reason given' : data.skip;
    yield `${data.name}: ${reason}\n`;
  }
}
