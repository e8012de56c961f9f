import t from 'tap';
import {
  RDMA_NLDEV_ATTR_CHARDEV,
  RDMA_NLDEV_ATTR_CHARDEV_ABI,
  RDMA_NLDEV_ATTR_CHARDEV_NAME,
  RDMA_NLDEV_ATTR_CHARDEV_TYPE,
  RDMA_NLDEV_ATTR_DEV_INDEX,
  RDMA_NLDEV_ATTR_PORT_INDEX,
  RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID,
} from './headers/rdma/rdma-netlink.ts';
import { Attributes, attributes } from './netlink-message.ts';
import { charDeviceRequest, parseCharDevice } from './rdma-char-device.ts';

const sent = (...question: Parameters<typeof charDeviceRequest>): Attributes =>
  new Attributes(Buffer.from(charDeviceRequest(...question).payload ?? []));

t.test('the question names the client, and what else is asked for', async (t) => {
  const ofPort = sent({ client: 'uverbs', deviceIndex: 3, port: 2 });
  t.equal(ofPort.string(RDMA_NLDEV_ATTR_CHARDEV_TYPE), 'uverbs');
  t.equal(ofPort.number(RDMA_NLDEV_ATTR_DEV_INDEX), 3);
  t.equal(ofPort.number(RDMA_NLDEV_ATTR_PORT_INDEX), 2);
  const ofAll = sent({ client: 'rdma_cm' });
  t.notOk(ofAll.has(RDMA_NLDEV_ATTR_DEV_INDEX));
  t.notOk(ofAll.has(RDMA_NLDEV_ATTR_PORT_INDEX));
});

t.test('the answer of a client without a driver tells none', async (t) => {
  const payload = Buffer.concat([
    attributes.u32(RDMA_NLDEV_ATTR_CHARDEV, 0xe7c0),
    attributes.u32(RDMA_NLDEV_ATTR_CHARDEV_ABI, 4),
    attributes.string(RDMA_NLDEV_ATTR_CHARDEV_NAME, 'rdma_cm'),
  ]);
  const reply = (bytes: Buffer) => [{ type: 0, flags: 0, sequence: 1, payload: bytes }];
  const known = { name: 'rdma_cm', number: 0xe7c0, abi: 4 };
  t.strictSame(parseCharDevice(reply(payload)), known);
  const driver = attributes.u32(RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID, 14);
  const ofDriver = parseCharDevice(reply(Buffer.concat([payload, driver])));
  t.strictSame(ofDriver, { ...known, driverId: 14 });
});
