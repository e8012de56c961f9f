# Makes the RDMA devices of the lab's guest. Run as root before the agent starts,
# from the project's directory. One ip(8), tc(8) and rdma(8) each: under emulation a process costs
# more than all that it asks of the kernel.

# Both ends of a link are in one network namespace, so that one process reaches them. In 6.12 there
# is no choice: drivers/infiniband/sw/rxe/rxe_net.c, rxe_find_route4() and rxe_net_ipv4_init() know
# init_net only. What makes packets cross the link all the same is a routing rule that stands before
# the table of local addresses, and neighbours that nobody has to ask for.

# Packets with a local source address may come in; IPv6 addresses are usable at once.
for sysctl in ipv4/conf/all/accept_local ipv4/conf/default/accept_local; do
  echo 1 > "/proc/sys/net/$sysctl"
done
for sysctl in ipv4/conf/all/rp_filter ipv4/conf/default/rp_filter \
  ipv6/conf/all/accept_dad ipv6/conf/default/accept_dad; do
  echo 0 > "/proc/sys/net/$sysctl"
done

NEAR_MAC=02:00:00:00:00:01
FAR_MAC=02:00:00:00:00:02

# The card that erdma's device model is one with: lab.json has its address, and ci/models/erdma/limits.ts.
ERDMA_MAC=02:00:00:00:00:21
# That of irdma's model, which is one device with it: ci/models/idpf/limits.ts.
IRDMA_MAC=02:00:00:00:00:31
card=
port=
for path in /sys/class/net/*; do
  read -r address < "$path/address"
  [ "$address" = "$ERDMA_MAC" ] && card=${path##*/}
  [ "$address" = "$IRDMA_MAC" ] && port=${path##*/}
done

# What is there already has the default of its time.
[ -z "$card" ] || echo 0 > "/proc/sys/net/ipv6/conf/$card/accept_dad"
# The model moves no frames: one that is sent stays in its queue, and then the driver resets the device.
[ -z "$port" ] || echo 1 > "/proc/sys/net/ipv6/conf/$port/disable_ipv6"

# 198.18.0.0/15 is set aside for tests of network devices (RFC 2544): no other network has it.
# Near ends have 198.18.KIND.1, far ends 198.19.KIND.1; the third number is the kind of path, see
# impairments().
links() {
  echo "link add self0 mtu 4200 address 02:00:00:00:00:03 type dummy"
  echo "addr add 198.18.255.1/32 dev self0"
  echo "link set self0 up"

  echo "link add near0 mtu 4200 address $NEAR_MAC type veth peer name far0 mtu 4200 address $FAR_MAC"
  echo "link set near0 up"
  echo "link set far0 up"
  for kind in 0 1 2 3 4 5 6; do
    echo "addr add 198.18.$kind.1/32 dev near0"
    echo "addr add 198.19.$kind.1/32 dev far0"
    echo "neigh add 198.19.$kind.1 lladdr $FAR_MAC dev near0 nud permanent"
    echo "neigh add 198.18.$kind.1 lladdr $NEAR_MAC dev far0 nud permanent"
  done
  echo "neigh add fe80::ff:fe00:2 lladdr $FAR_MAC dev near0 nud permanent"
  echo "neigh add fe80::ff:fe00:1 lladdr $NEAR_MAC dev far0 nud permanent"

  # siw has a link of its own: the RDMA CM finds a device by its address.
  echo "link add near1 mtu 4200 address 02:00:00:00:00:11 type veth" \
    "peer name far1 mtu 4200 address 02:00:00:00:00:12"
  echo "link set near1 up"
  echo "link set far1 up"
  echo "addr add 198.18.16.1/32 dev near1"
  echo "addr add 198.19.16.1/32 dev far1"
  echo "neigh add 198.19.16.1 lladdr 02:00:00:00:00:12 dev near1 nud permanent"
  echo "neigh add 198.18.16.1 lladdr 02:00:00:00:00:11 dev far1 nud permanent"
  echo "route add 198.19.16.0/24 dev near1 table 18"
  echo "route add 198.18.16.0/24 dev far1 table 19"

  # Nothing is behind the card; erdma has its GIDs from the addresses.
  if [ -n "$card" ]; then
    echo "addr add 198.18.32.1/32 dev $card"
    echo "link set $card mtu 4200 up"
  fi
  if [ -n "$port" ]; then
    echo "addr add 198.18.33.1/32 dev $port"
    echo "link set $port up"
  fi

  # What is sent, and not what arrives, which must find the local table. The RDMA CM looks routes up
  # by the outgoing interface alone (drivers/infiniband/core/cma.c, validate_ipv4_net_dev()).
  for match in "iif lo" "oif near0" "oif near1"; do
    echo "rule add pref 10 $match from 198.18.0.0/16 to 198.19.0.0/16 lookup 18"
  done
  for match in "iif lo" "oif far0" "oif far1"; do
    echo "rule add pref 10 $match from 198.19.0.0/16 to 198.18.0.0/16 lookup 19"
  done
  echo "route add 198.19.0.0/20 dev near0 table 18"
  echo "route add 198.18.0.0/20 dev far0 table 19"
  echo "rule add pref 20 lookup local"
  echo "rule del pref 0"
}

# What happens to packets from near0 to far0 and back, by the third number of the address:
# 0 nothing, 1 random loss, 2 every second packet is lost, 3 delay, 4 every packet comes twice,
# 5 every fifth packet overtakes others, 6 nothing comes through.
impairments() {
  impair near0 198.19 far0
  impair far0 198.18 near0
}

# Not netem's own duplicates: they are refused beside other netems (net/sched/sch_netem.c,
# check_netem_in_tree()), so the second copy is handed to the other end by an action.
impair() {
  echo "qdisc add dev $1 root handle 1: prio bands 7 priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
  echo "qdisc add dev $1 parent 1:2 netem loss random 10%"
  echo "qdisc add dev $1 parent 1:3 netem loss state 0% 100% 0% 100% 100%"
  echo "qdisc add dev $1 parent 1:4 netem delay 20ms"
  echo "qdisc add dev $1 parent 1:6 netem delay 5ms reorder 100% gap 5"
  echo "qdisc add dev $1 parent 1:7 netem loss random 100%"
  for kind in 1 2 3 4 5 6; do
    action=
    [ $kind = 4 ] && action="action mirred ingress mirror dev $3"
    echo "filter add dev $1 parent 1: protocol ip prio 1 u32" \
      "match ip dst $2.$kind.0/24 classid 1:$((kind + 1)) $action"
  done
}

devices() {
  echo "link add rxe0 type rxe netdev self0"
  echo "link add rxe1 type rxe netdev near0"
  echo "link add rxe2 type rxe netdev far0"
  [ -d /sys/module/siw ] || return 0
  echo "link add siw0 type siw netdev near1"
  echo "link add siw1 type siw netdev far1"
}

links | ip -batch - && impairments | tc -batch - && devices | rdma -b -
