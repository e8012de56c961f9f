import type { DeviceRecord, RuleText, SkipClass } from '../../reports/results.ts';
import type { LoadedCase } from '../cases/loaded-case.ts';
import type { Expectation } from '../judge.ts';
import { type PlannedPoint, toWireCase } from '../plan.ts';
import type { WireCase } from '../protocol.ts';
import type { PointText, RunPoint } from '../run/run-point.ts';
import { reproduceLine } from './reproduce.ts';
import type { RunRequest } from './run-request.ts';
import type { Suite } from './suite.ts';

/** What all points of a plan have in common. */
export class PlanContext {
  readonly request: RunRequest;
  readonly devices: ReadonlyMap<string, DeviceRecord>;
  readonly required: ReadonlySet<SkipClass>;
  readonly #suite: Suite;
  readonly #rules = new Map<LoadedCase, readonly RuleText[]>();
  readonly #wireCases = new Map<LoadedCase, WireCase>();

  constructor(request: RunRequest, suite: Suite, devices: readonly DeviceRecord[]) {
    this.request = request;
    this.devices = new Map(devices.map((device) => [device.address, device]));
    this.required = new Set(request.required);
    this.#suite = suite;
  }

  devicesOf(point: PlannedPoint): readonly DeviceRecord[] {
    return Object.values(point.devices).flatMap((address) => this.devices.get(address) ?? []);
  }

  rulesOf(one: LoadedCase): readonly RuleText[] {
    const known = this.#rules.get(one) ?? one.rules.flatMap((id) => this.#ruleText(id));
    this.#rules.set(one, known);
    return known;
  }

  wireCaseOf(one: LoadedCase): WireCase {
    const known = this.#wireCases.get(one) ?? toWireCase(one);
    this.#wireCases.set(one, known);
    return known;
  }

  #ruleText(id: string): RuleText[] {
    const rule = this.#suite.rules.get(id);
    if (!rule) return [];
    const { title, expect, source } = rule;
    return [{ id, title, expect, source }];
  }
}

/** A point of a plan. Its text is made when it is asked for: there may be 100,000 of them. */
export class PlannedRunPoint implements RunPoint {
  readonly id: string;
  readonly todo: RunPoint['todo'];
  readonly expectation?: Expectation;
  readonly #planned: PlannedPoint;
  readonly #context: PlanContext;

  constructor(
    planned: PlannedPoint,
    context: PlanContext,
    todo: RunPoint['todo'],
    expectation: Expectation | undefined,
  ) {
    this.id = planned.id;
    this.todo = todo;
    if (expectation) this.expectation = expectation;
    this.#planned = planned;
    this.#context = context;
  }

  get required(): ReadonlySet<SkipClass> {
    return this.#context.required;
  }

  get text(): PointText {
    const { id, case: one, devices } = this.#planned;
    return {
      title: one.title,
      area: one.area,
      rules: this.#context.rulesOf(one),
      devices,
      provider: this.#context.devicesOf(this.#planned)[0]?.provider ?? '',
      reproduce: reproduceLine(this.#context.request, id, devices),
    };
  }
}
