import t from 'tap';
import {
  RDMA_NLDEV_ATTR_DEV_INDEX,
  RDMA_NLDEV_ATTR_DEV_NAME,
  RDMA_NLDEV_ATTR_LINK_TYPE,
  RDMA_NLDEV_ATTR_NDEV_NAME,
} from './headers/rdma/rdma-netlink.ts';
import { Attributes } from './netlink-message.ts';
import { networkLink, routesSetOver, trySetNetworkLink } from './network-link.ts';
import { deleteLinkRequest, newLinkRequest } from './rdma-link.ts';

t.test('the request for a device names it, its driver and its network device', async (t) => {
  const { payload } = newLinkRequest({ name: 'rxe9', driver: 'rxe', netdev: 'eth0' });
  const sent = new Attributes(Buffer.from(payload ?? []));
  t.equal(sent.string(RDMA_NLDEV_ATTR_DEV_NAME), 'rxe9');
  t.equal(sent.string(RDMA_NLDEV_ATTR_LINK_TYPE), 'rxe');
  t.equal(sent.string(RDMA_NLDEV_ATTR_NDEV_NAME), 'eth0');
  t.ok(sent.has(RDMA_NLDEV_ATTR_NDEV_NAME));
  t.notOk(sent.has(RDMA_NLDEV_ATTR_DEV_INDEX));
});

t.test('the request for its removal has its number', async (t) => {
  const { payload } = deleteLinkRequest(7);
  t.equal(new Attributes(Buffer.from(payload ?? [])).number(RDMA_NLDEV_ATTR_DEV_INDEX), 7);
});

t.test('network devices are found by name, and who is no one is not changed', async (t) => {
  t.equal(networkLink('nonesuch0'), undefined);
  t.notOk(trySetNetworkLink('nonesuch0', { isUp: false }).ok);
  t.equal(routesSetOver(0x7ffffff0), 0, 'no routes over what is not there');
});
