import type { Device } from '../contract.ts';
import { vfioFunctions } from '../vfio-function.ts';

export const CONTAINER_NODE = '/dev/vfio/vfio';

/** The functions by their groups. */
export function find(): readonly Device[] {
  return vfioFunctions().map(({ name, groupNode, cdev, identity }) => ({
    address: `vfio@pci:${name}`,
    node: groupNode,
    otherNodes: { container: CONTAINER_NODE, ...(cdev !== undefined && { cdev }) },
    identity: { ...identity, driver: 'vfio-pci' },
  }));
}
