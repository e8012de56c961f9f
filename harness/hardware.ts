/** One place on a bus is one device, whichever provider has it: `pci:0000:00:03.0` of VFIO, both ways. */
export function hardwareOf(address: string): string {
  return /@([a-z]+:.+)$/.exec(address)?.[1] ?? address;
}
