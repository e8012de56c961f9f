import { createHash, hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { codeHash } from '../compiled-code.ts';
import type { WireStep } from '../protocol.ts';
import { factsOf, type ProviderFacts } from '../provider-facts.ts';
import type { CaseText } from './case-files.ts';
import type { LoadedCase, ParameterRow } from './loaded-case.ts';
import { offersAll } from './roles.ts';
import { parseSource, type SourceFile } from './source-file.ts';
import { schemasHash } from './validators.ts';

/**
 * Cases of this tree that were found to be in order when it was built: checking them takes ten times
 * as long as taking them from here. A file counts only while its content is the same, and all of them
 * only while everything that cases are checked against is.
 */

/** What write-checked-cases.ts writes beside the compiled sources. */
export interface CheckedFile {
  /** Of what cases are checked against, see `libraryKey`. */
  readonly key: string;
  readonly providers: readonly ProviderFacts[];
  /** By id. */
  readonly topics: Readonly<Record<string, CheckedTopic>>;
}

interface CheckedTopic {
  /** Of the file's content. */
  readonly hash: string;
  readonly cases: readonly CheckedCase[];
}

/** A case without its place, which depends on where the user stands. */
type CheckedCase = Omit<LoadedCase, 'file' | 'line' | 'steps' | 'wireParameters'> & {
  /** Where they differ from `parameters`. */
  readonly wireParameters?: readonly ParameterRow[];
  /** Which of `CheckedSteps`. */
  readonly steps: number;
};

/** The steps of all cases: most are never looked at, so they are a file of their own. */
type CheckedSteps = readonly (readonly WireStep[])[];

const CASES = fileURLToPath(new URL('checked-cases.gen.json', import.meta.url));
const STEPS = fileURLToPath(new URL('checked-steps.gen.json', import.meta.url));

export class CheckedCases {
  readonly #topics: CheckedFile['topics'];
  /** Providers that were not there when the cases were checked. */
  readonly #others: readonly ProviderFacts[];
  #steps: CheckedSteps | undefined;

  private constructor(file: CheckedFile, others: readonly ProviderFacts[]) {
    this.#topics = file.topics;
    this.#others = others;
  }

  /**
   * @param library the files that topics refer to: fixtures and rules
   * @returns undefined when nothing can be taken over
   */
  static open(
    providers: readonly ProviderFacts[],
    library: readonly CaseText[],
  ): CheckedCases | undefined {
    if (!existsSync(CASES) || !existsSync(STEPS)) return undefined;
    const file = JSON.parse(readFileSync(CASES, 'utf8')) as CheckedFile;
    const known = new Set(file.providers.map((facts) => JSON.stringify(facts)));
    const others = providers.filter((provider) => !known.has(JSON.stringify(factsOf(provider))));
    const isSame = providers.length - others.length === known.size;
    if (!isSame || file.key !== libraryKey(library)) return undefined;
    return new CheckedCases(file, others);
  }

  /** The cases of a file, if they were checked as they stand and no other provider can play in them. */
  find({ id, file, text }: CaseText): LoadedCase[] | undefined {
    const topic = this.#topics[id];
    if (topic === undefined || topic.hash !== hashOf(text)) return undefined;
    const isOpen = topic.cases.some(({ roles }) =>
      Object.values(roles).some((role) => this.#others.some((other) => offersAll(other, role))),
    );
    if (isOpen) return undefined;
    const all = () => this.#allSteps();
    let parsed: SourceFile | undefined;
    const source = () => {
      parsed ??= parseSource(file, text, []);
      return parsed;
    };
    return topic.cases.map(({ steps, wireParameters, ...rest }, index) => ({
      ...rest,
      file,
      wireParameters: wireParameters ?? rest.parameters,
      get line() {
        return source()?.at(['cases', index]).line ?? 1;
      },
      get steps() {
        return all()[steps] ?? [];
      },
    }));
  }

  #allSteps(): CheckedSteps {
    this.#steps ??= JSON.parse(readFileSync(STEPS, 'utf8')) as CheckedSteps;
    return this.#steps;
  }
}

/** What the build keeps of cases that are in order, in the order in which it is to be written. */
export function checkedFiles(
  cases: readonly LoadedCase[],
  topics: readonly CaseText[],
  providers: readonly ProviderFacts[],
  library: readonly CaseText[],
): { readonly path: string; readonly content: string }[] {
  const steps: (readonly WireStep[])[] = [];
  const ofTopics = topics.map(({ id, file, text }): [string, CheckedTopic] => {
    const own = cases.filter((one) => one.file === file);
    return [id, { hash: hashOf(text), cases: own.map((one) => checked(one, steps)) }];
  });
  const whole: CheckedFile = {
    key: libraryKey(library),
    providers: providers.map(factsOf),
    topics: Object.fromEntries(ofTopics),
  };
  return [
    { path: STEPS, content: JSON.stringify(steps) },
    { path: CASES, content: JSON.stringify(whole) },
  ];
}

function checked(one: LoadedCase, steps: (readonly WireStep[])[]): CheckedCase {
  const { id, area, title, rules, roles, parameters, timeoutMs, exclusive, destructive } = one;
  const isSame = JSON.stringify(one.wireParameters) === JSON.stringify(parameters);
  return {
    ...{ id, area, title, rules, roles, parameters, timeoutMs, exclusive, destructive },
    expectLog: one.expectLog,
    ...(!isSame && { wireParameters: one.wireParameters }),
    steps: steps.push(one.steps) - 1,
  };
}

/** Compiled code that has a part in checking cases: the loader with all that it may import. */
const CODE = [
  { folder: '.', isDeep: true },
  { folder: '..', isDeep: false },
  { folder: '../../uapi', isDeep: true },
  { folder: '../../providers', isDeep: false },
].map(({ folder, isDeep }) => ({ url: new URL(folder, import.meta.url), isDeep }));

/** Changes with everything that the result of a check depends on, but for the topic and the providers. */
function libraryKey(library: readonly CaseText[]): string {
  const key = createHash('sha256').update(schemasHash()).update(codeHash(CODE));
  for (const { id, text } of library) key.update(`${id}\0${text}\0`);
  return key.digest('hex');
}

function hashOf(text: string): string {
  return hash('sha256', text);
}
