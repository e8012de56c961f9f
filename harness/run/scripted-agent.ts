/**
 * For tests: a target whose agent does what a script says. It speaks the real protocol over real
 * streams, and stands for no kernel: what its points "do" is made up.
 */
import { PassThrough } from 'node:stream';
import type { DeviceRecord } from '../../reports/results.ts';
import {
  type AgentMessage,
  decodeLine,
  encodeLine,
  type HostMessage,
  type PointEnd,
  PROTOCOL_VERSION,
  type WireOutcome,
  type WirePoint,
} from '../protocol.ts';
import type { Target, TargetConnection, TargetLoss } from '../target.ts';

export interface Script {
  /** Called for each point, in the order in which they come. Default: it passes. */
  readonly onPoint?: (point: WirePoint, agent: ScriptedAgent) => void;
  readonly onCancel?: (agent: ScriptedAgent) => void;
  /** What it says when no point is to come. */
  readonly lastNotes?: readonly string[];
  readonly protocol?: number;
  readonly canReturn?: boolean;
  readonly bootsAnew?: boolean;
  /** Devices of the connection with this number, counted from 1. */
  readonly devices?: (connection: number) => readonly DeviceRecord[];
  /** Text before the first message, as login scripts print it. */
  readonly greeting?: string;
  readonly timeoutScale?: number;
}

/** One connection's agent. */
export class ScriptedAgent {
  readonly number: number;
  readonly received: HostMessage[] = [];
  readonly #script: Script;
  readonly #input = new PassThrough();
  readonly #output = new PassThrough();
  #lose: (loss: TargetLoss) => void = () => {};

  constructor(script: Script, number: number) {
    this.#script = script;
    this.number = number;
    let rest = '';
    this.#input.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#handle(decodeLine<HostMessage>(line));
    });
  }

  connection(): TargetConnection {
    const lost = new Promise<TargetLoss>((resolve) => {
      this.#lose = resolve;
    });
    const close = async () => this.die({ kind: 'exited', message: 'closed', console: '' });
    return { input: this.#input, output: this.#output, lost, close };
  }

  send(message: AgentMessage): void {
    this.raw(encodeLine(message));
  }

  raw(text: string): void {
    if (!this.#output.writableEnded) this.#output.write(text);
  }

  started(id: string, lane = 0): void {
    this.send({ t: 'started', id, at: new Date().toISOString(), lane });
  }

  ended(id: string, end: PointEnd = { kind: 'done' }, more: Partial<WireOutcome> = {}): void {
    const nothing = { kernelLog: [], taintBefore: 0, taintAfter: 0 };
    this.send({ t: 'outcome', outcome: { id, end, durationMs: 1, steps: 1, ...nothing, ...more } });
  }

  pass(id: string): void {
    this.started(id);
    this.ended(id);
  }

  die(loss: TargetLoss = { kind: 'panic', message: 'Kernel panic', console: 'Oops' }): void {
    this.#lose(loss);
    this.#output.end();
  }

  #rest(): void {
    for (const text of this.#script.lastNotes ?? []) this.send({ t: 'note', text });
    this.send({ t: 'rested' });
  }

  #handle(message: HostMessage): void {
    if (this.#output.writableEnded) return;
    this.received.push(message);
    const { protocol = PROTOCOL_VERSION, greeting, onPoint, onCancel } = this.#script;
    const devices = this.#script.devices?.(this.number) ?? [scriptedDevice('vgem@vgem')];
    if (message.t === 'hello') {
      if (greeting) this.raw(greeting);
      const kernel = { release: '6.12.1', version: '#1', machine: 'x86_64', taint: 0 };
      this.send({ t: 'hello', protocol, kernel, privileged: true });
    }
    if (message.t === 'discover') this.send({ t: 'devices', devices });
    if (message.t === 'probe') this.send({ t: 'probed', devices });
    if (message.t === 'cancel') onCancel?.(this);
    if (message.t === 'rest') this.#rest();
    if (message.t === 'point') {
      if (onPoint) onPoint(message.point, this);
      else this.pass(message.point.id);
    }
  }
}

/** A target of scripted agents, and the agents that it has made. */
export function scriptedTarget(script: Script): Target & { readonly agents: ScriptedAgent[] } {
  const agents: ScriptedAgent[] = [];
  return {
    agents,
    name: 'scripted',
    canReturn: script.canReturn ?? true,
    bootsAnew: script.bootsAnew ?? true,
    timeoutScale: script.timeoutScale ?? 1,
    connect: async () => {
      const agent = new ScriptedAgent(script, agents.length + 1);
      agents.push(agent);
      return agent.connection();
    },
  };
}

export function scriptedDevice(address: string): DeviceRecord {
  const provider = address.split('@')[0] ?? '';
  const nothing = { capabilities: [], missing: {}, identity: {} };
  return { address, provider, driver: provider, node: '/dev/null', ...nothing };
}
