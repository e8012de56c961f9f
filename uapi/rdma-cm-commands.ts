import { ib_uverbs_qp_attr } from './headers/rdma/ib-user-verbs.ts';
import {
  RDMA_USER_CM_CMD_ACCEPT,
  RDMA_USER_CM_CMD_BIND,
  RDMA_USER_CM_CMD_BIND_IP,
  RDMA_USER_CM_CMD_CONNECT,
  RDMA_USER_CM_CMD_CREATE_ID,
  RDMA_USER_CM_CMD_DESTROY_ID,
  RDMA_USER_CM_CMD_DISCONNECT,
  RDMA_USER_CM_CMD_GET_EVENT,
  RDMA_USER_CM_CMD_GET_OPTION,
  RDMA_USER_CM_CMD_INIT_QP_ATTR,
  RDMA_USER_CM_CMD_JOIN_IP_MCAST,
  RDMA_USER_CM_CMD_JOIN_MCAST,
  RDMA_USER_CM_CMD_LEAVE_MCAST,
  RDMA_USER_CM_CMD_LISTEN,
  RDMA_USER_CM_CMD_MIGRATE_ID,
  RDMA_USER_CM_CMD_NOTIFY,
  RDMA_USER_CM_CMD_QUERY,
  RDMA_USER_CM_CMD_QUERY_ROUTE,
  RDMA_USER_CM_CMD_REJECT,
  RDMA_USER_CM_CMD_RESOLVE_ADDR,
  RDMA_USER_CM_CMD_RESOLVE_IB_SERVICE,
  RDMA_USER_CM_CMD_RESOLVE_IP,
  RDMA_USER_CM_CMD_RESOLVE_ROUTE,
  RDMA_USER_CM_CMD_SET_OPTION,
  RDMA_USER_CM_CMD_WRITE_CM_EVENT,
  rdma_ucm_accept,
  rdma_ucm_bind,
  rdma_ucm_bind_ip,
  rdma_ucm_connect,
  rdma_ucm_create_id,
  rdma_ucm_create_id_resp,
  rdma_ucm_destroy_id,
  rdma_ucm_destroy_id_resp,
  rdma_ucm_disconnect,
  rdma_ucm_event_resp,
  rdma_ucm_get_event,
  rdma_ucm_init_qp_attr,
  rdma_ucm_join_ip_mcast,
  rdma_ucm_join_mcast,
  rdma_ucm_listen,
  rdma_ucm_migrate_id,
  rdma_ucm_migrate_resp,
  rdma_ucm_notify,
  rdma_ucm_query,
  rdma_ucm_query_addr_resp,
  rdma_ucm_query_ib_service_resp,
  rdma_ucm_query_path_resp,
  rdma_ucm_query_route_resp,
  rdma_ucm_reject,
  rdma_ucm_resolve_addr,
  rdma_ucm_resolve_ib_service,
  rdma_ucm_resolve_ip,
  rdma_ucm_resolve_route,
  rdma_ucm_set_option,
  rdma_ucm_write_cm_event,
} from './headers/rdma/rdma-user-cm.ts';
import type { Struct } from './layout.ts';

/**
 * The commands of /dev/infiniband/rdma_cm. The header names the structs; which command takes which
 * is said by drivers/infiniband/core/ucma.c, ucma_cmd_table.
 */

interface Entry<Request, Response> {
  readonly number: number;
  readonly request: Struct<Request>;
  /** Absent where nothing is written back, also where the struct has room for an address. */
  readonly response?: Struct<Response>;
}

function entry<Request, Response = never>(
  number: number,
  request: Struct<Request>,
  response?: Struct<Response>,
): Entry<Request, Response> {
  return { number, request, ...(response !== undefined && { response }) };
}

/** Resolving an InfiniBand service and writing events came with Linux 6.18. */
export const CM_COMMANDS = {
  RDMA_USER_CM_CMD_CREATE_ID: entry(
    RDMA_USER_CM_CMD_CREATE_ID,
    rdma_ucm_create_id,
    rdma_ucm_create_id_resp,
  ),
  RDMA_USER_CM_CMD_DESTROY_ID: entry(
    RDMA_USER_CM_CMD_DESTROY_ID,
    rdma_ucm_destroy_id,
    rdma_ucm_destroy_id_resp,
  ),
  RDMA_USER_CM_CMD_BIND_IP: entry(RDMA_USER_CM_CMD_BIND_IP, rdma_ucm_bind_ip),
  RDMA_USER_CM_CMD_RESOLVE_IP: entry(RDMA_USER_CM_CMD_RESOLVE_IP, rdma_ucm_resolve_ip),
  RDMA_USER_CM_CMD_RESOLVE_ROUTE: entry(RDMA_USER_CM_CMD_RESOLVE_ROUTE, rdma_ucm_resolve_route),
  RDMA_USER_CM_CMD_QUERY_ROUTE: entry(
    RDMA_USER_CM_CMD_QUERY_ROUTE,
    rdma_ucm_query,
    rdma_ucm_query_route_resp,
  ),
  RDMA_USER_CM_CMD_CONNECT: entry(RDMA_USER_CM_CMD_CONNECT, rdma_ucm_connect),
  RDMA_USER_CM_CMD_LISTEN: entry(RDMA_USER_CM_CMD_LISTEN, rdma_ucm_listen),
  RDMA_USER_CM_CMD_ACCEPT: entry(RDMA_USER_CM_CMD_ACCEPT, rdma_ucm_accept),
  RDMA_USER_CM_CMD_REJECT: entry(RDMA_USER_CM_CMD_REJECT, rdma_ucm_reject),
  RDMA_USER_CM_CMD_DISCONNECT: entry(RDMA_USER_CM_CMD_DISCONNECT, rdma_ucm_disconnect),
  RDMA_USER_CM_CMD_INIT_QP_ATTR: entry(
    RDMA_USER_CM_CMD_INIT_QP_ATTR,
    rdma_ucm_init_qp_attr,
    ib_uverbs_qp_attr,
  ),
  RDMA_USER_CM_CMD_GET_EVENT: entry(
    RDMA_USER_CM_CMD_GET_EVENT,
    rdma_ucm_get_event,
    rdma_ucm_event_resp,
  ),
  /** Has a number and nothing behind it; the struct stands in for the one that never was. */
  RDMA_USER_CM_CMD_GET_OPTION: entry(RDMA_USER_CM_CMD_GET_OPTION, rdma_ucm_set_option),
  RDMA_USER_CM_CMD_SET_OPTION: entry(RDMA_USER_CM_CMD_SET_OPTION, rdma_ucm_set_option),
  RDMA_USER_CM_CMD_NOTIFY: entry(RDMA_USER_CM_CMD_NOTIFY, rdma_ucm_notify),
  RDMA_USER_CM_CMD_JOIN_IP_MCAST: entry(
    RDMA_USER_CM_CMD_JOIN_IP_MCAST,
    rdma_ucm_join_ip_mcast,
    rdma_ucm_create_id_resp,
  ),
  RDMA_USER_CM_CMD_LEAVE_MCAST: entry(
    RDMA_USER_CM_CMD_LEAVE_MCAST,
    rdma_ucm_destroy_id,
    rdma_ucm_destroy_id_resp,
  ),
  RDMA_USER_CM_CMD_MIGRATE_ID: entry(
    RDMA_USER_CM_CMD_MIGRATE_ID,
    rdma_ucm_migrate_id,
    rdma_ucm_migrate_resp,
  ),
  /** For RDMA_USER_CM_QUERY_ADDR and _GID; QUERY_RESPONSES has those of the other options. */
  RDMA_USER_CM_CMD_QUERY: entry(RDMA_USER_CM_CMD_QUERY, rdma_ucm_query, rdma_ucm_query_addr_resp),
  RDMA_USER_CM_CMD_BIND: entry(RDMA_USER_CM_CMD_BIND, rdma_ucm_bind),
  RDMA_USER_CM_CMD_RESOLVE_ADDR: entry(RDMA_USER_CM_CMD_RESOLVE_ADDR, rdma_ucm_resolve_addr),
  RDMA_USER_CM_CMD_JOIN_MCAST: entry(
    RDMA_USER_CM_CMD_JOIN_MCAST,
    rdma_ucm_join_mcast,
    rdma_ucm_create_id_resp,
  ),
  RDMA_USER_CM_CMD_RESOLVE_IB_SERVICE: entry(
    RDMA_USER_CM_CMD_RESOLVE_IB_SERVICE,
    rdma_ucm_resolve_ib_service,
  ),
  RDMA_USER_CM_CMD_WRITE_CM_EVENT: entry(RDMA_USER_CM_CMD_WRITE_CM_EVENT, rdma_ucm_write_cm_event),
} as const;

export type CmCommand = keyof typeof CM_COMMANDS;

/** By option of RDMA_USER_CM_CMD_QUERY, where that is not the address. */
export const QUERY_RESPONSES = {
  1: rdma_ucm_query_path_resp,
  3: rdma_ucm_query_ib_service_resp,
} as const;

export function isCmCommand(name: string): name is CmCommand {
  return Object.hasOwn(CM_COMMANDS, name);
}
