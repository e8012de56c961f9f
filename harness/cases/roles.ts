import type { Case, TopicFile } from '../../cases/types.gen.ts';
import { CAPABILITIES, type Capability, includesCapability } from '../../providers/contract.ts';
import { DEFAULT_ROLE } from '../point-id.ts';
import type { ProviderFacts } from '../provider-facts.ts';
import type { Role } from './loaded-case.ts';
import { hint } from './problems.ts';
import type { Blame } from './scope.ts';

type Roles = NonNullable<Case['roles']>;

/** Whether a device of a provider can play a role, as far as its driver has the code. */
export function offersAll(provider: ProviderFacts, role: Role): boolean {
  if (role.provider !== undefined && !role.provider.includes(provider.name)) return false;
  return role.needs.every((capability) => includesCapability(provider.offers, capability));
}

/** Where a case's roles are written: in the case or, for all its cases, in the topic. */
export interface RolePlaces {
  readonly topic: Blame;
  readonly case: Blame;
}

/**
 * The roles of a case: its own, else those of the topic, else one named `device`. `needs` of the
 * topic and of the case are needs of `device`; a topic's do not bind a case with other roles.
 */
export function rolesOf(
  topic: TopicFile,
  one: Case,
  providers: readonly ProviderFacts[],
  places: RolePlaces,
): Readonly<Record<string, Role>> {
  const own = one.roles !== undefined;
  const written: Roles = one.roles ?? topic.roles ?? { [DEFAULT_ROLE]: {} };
  const hasDefault = Object.hasOwn(written, DEFAULT_ROLE);
  checkOwnerOfNeeds(topic, one, hasDefault, places);
  const capabilities = new Set(Object.keys(CAPABILITIES));
  const shared = [
    ...known(topic.needs, capabilities, places.topic.below('needs')),
    ...known(one.needs, capabilities, places.case.below('needs')),
  ];
  const place = (own ? places.case : places.topic).below('roles');
  return Object.fromEntries(
    Object.entries(written).map(([name, role]) => {
      const there = place.below(name);
      const more = name === DEFAULT_ROLE ? shared : [];
      const needs = [...known(role.needs, capabilities, there.below('needs')), ...more];
      checkProviders(role.provider ?? [], providers, there.below('provider'));
      const whole: Role = {
        needs: [...new Set(needs)],
        ...(role.provider === undefined ? {} : { provider: role.provider }),
        ...(role.reaches === undefined ? {} : { reaches: role.reaches }),
      };
      checkReaches(name, role.reaches, Object.keys(written), there.below('reaches'));
      checkPlayable(name, whole, providers, places.case);
      return [name, whole];
    }),
  );
}

function checkOwnerOfNeeds(
  topic: TopicFile,
  one: Case,
  hasDefault: boolean,
  places: RolePlaces,
): void {
  if (hasDefault) return;
  const mend = `no role is named '${DEFAULT_ROLE}'; write the needs into the roles`;
  if (one.needs !== undefined) places.case.key(['needs'], mend);
  if (topic.needs !== undefined && one.roles === undefined) places.topic.key(['needs'], mend);
}

function known(
  needs: readonly string[] | undefined,
  capabilities: ReadonlySet<string>,
  blame: Blame,
): readonly Capability[] {
  return (needs ?? []).flatMap((name, index) => {
    if (isCapability(name)) return [name];
    blame.value([index], `'${name}' is no capability; ${hint(name, capabilities)}`);
    return [];
  });
}

function isCapability(name: string): name is Capability {
  return Object.hasOwn(CAPABILITIES, name);
}

function checkReaches(
  name: string,
  other: string | undefined,
  roles: readonly string[],
  blame: Blame,
): void {
  const others = roles.filter((role) => role !== name);
  if (other === undefined || others.includes(other)) return;
  blame.value([], `'${other}' is no other role of the case; ${hint(other, others)}`);
}

function checkProviders(
  names: readonly string[],
  providers: readonly ProviderFacts[],
  blame: Blame,
): void {
  const known = providers.map((provider) => provider.name);
  for (const [index, name] of names.entries()) {
    if (known.includes(name)) continue;
    const load = 'load others with --provider PATH';
    blame.value([index], `there is no provider '${name}'; ${hint(name, known)}; ${load}`);
  }
}

/** A role that nobody can play would make a case that silently never runs. */
function checkPlayable(
  name: string,
  role: Role,
  providers: readonly ProviderFacts[],
  blame: Blame,
): void {
  const named = role.provider?.every((one) => providers.some((provider) => provider.name === one));
  if (named === false || providers.some((provider) => offersAll(provider, role))) return;
  const needs = role.needs.join(', ');
  const who = role.provider === undefined ? 'no provider' : `none of ${role.provider.join(', ')}`;
  blame.value([], `nobody can play the role '${name}': ${who} offers all of ${needs}`);
}
