import type { ProviderFacts } from '../provider-facts.ts';
import { type CaseFile, type CaseText, parseCase } from './case-files.ts';
import { type Fixtures, type LoadedFixture, loadFixture } from './fixtures.ts';
import { Headers } from './headers.ts';
import { type Library, loadTopic } from './load-topic.ts';
import type { LoadedCase } from './loaded-case.ts';
import type { Problem } from './problems.ts';
import { loadRules } from './rules.ts';
import type { Fixture } from './validators.ts';

/**
 * Checks and completes the cases of some topics with the fixtures that they may name.
 *
 * @param known fixtures that were found to be in order when the tree was built
 * @returns those that are in order; what is wrong goes to `problems`
 */
export async function checkTexts(
  topics: readonly CaseText[],
  known: readonly CaseText[],
  fixtures: readonly CaseText[],
  providers: readonly ProviderFacts[],
  problems: Problem[],
): Promise<readonly LoadedCase[]> {
  const headers = await Headers.load(providers, problems);
  const parsed = (texts: readonly CaseText[]) =>
    texts.flatMap((text) => parseCase(text, problems) ?? []);
  const library: Library = {
    providers,
    headers,
    fixtures: loadFixtures(parsed(known), parsed(fixtures), headers, problems),
    ruleIds: new Set(loadRules().keys()),
  };
  return parsed(topics).flatMap((file) => loadTopic(file, library, problems));
}

function loadFixtures(
  known: readonly CaseFile[],
  files: readonly CaseFile[],
  headers: Headers,
  problems: Problem[],
): Fixtures {
  const fixtures = new Map<string, LoadedFixture>(
    known.map(({ id, source }) => [id, { source, fixture: source.value as Fixture }]),
  );
  for (const { id, source } of files) {
    const before = fixtures.get(id);
    if (before !== undefined) {
      const text = `the fixture '${id}' is also in ${before.source.file}; rename one`;
      problems.push({ file: source.file, text });
    }
    const fixture = loadFixture(source, headers, problems);
    if (fixture !== undefined) fixtures.set(id, fixture);
  }
  return fixtures;
}
