# Second half of the guest's start, with the host's files as root: file systems, loopback, drivers,
# and the agent on the virtio port. Ends by a reset, which QEMU (-no-reboot) takes as its end.

B=/run/lab/busybox
. /run/lab/env

end() {
  echo b > /proc/sysrq-trigger
  $B reboot -f
  while :; do $B sleep 60; done
}

fail() {
  echo "lab: failed: $1"
  end
}

# Ports are numbered in the order in which they are found, so only the name is reliable.
find_port() {
  for port in /sys/class/virtio-ports/*; do
    read -r name < "$port/name" || continue
    [ "$name" = "$PORT_NAME" ] && return
  done
  fail "no port $PORT_NAME: CONFIG_VIRTIO_CONSOLE must be built in or in --modules"
}

# A port can be opened once only: descriptor 3 is for both directions. The pipe gives the agent an
# input that it can wait for, and that ends when the host goes away.
start_agent() {
  find_port
  exec 3<> "/dev/${port##*/}" || fail "cannot open /dev/${port##*/}"
  $B mkfifo /run/lab/input /run/lab/gate
  $B cat <&3 > /run/lab/input &
  $as_user "$LAB_NODE" $LAB_NODE_FLAGS "$LAB_AGENT" < /run/lab/input >&3 2> /dev/console &
  agent=$!
  exec 3>&-
}

# For an ordinary user: the way to the suite and to node, which may lie below a closed home.
open_way() {
  way="$1"
  while [ "$way" != / ]; do
    $B chmod a+rx "$way"
    way="$($B dirname "$way")"
  done
}

# What udev's rules do: nodes of the drivers belong to a group, here that of the user. Those of the
# dma-buf heaps have no rule and stay root's, as they do on a machine.
give_nodes() {
  for node in /dev/dri/* /dev/accel/* /dev/udmabuf /dev/infiniband/*; do
    [ -c "$node" ] && $B chown "0:$LAB_USER" "$node" && $B chmod 660 "$node"
  done
}

export HOME="$LAB_HOME" PATH="$LAB_PATH" LANG=C.UTF-8 TERM="${LAB_TERM:-linux}"
cd "$LAB_CWD" || cd /

$B mkdir -p /dev/pts /dev/shm
$B mount -t tmpfs -o mode=1777 shm /dev/shm
$B ln -s /proc/self/fd /dev/fd
as_user=
if [ -n "$LAB_USER" ]; then
  as_user="$LAB_SETPRIV --reuid $LAB_USER --regid $LAB_USER --clear-groups --"
  open_way "$LAB_CWD"
  open_way "$LAB_NODE"
fi
[ -z "$LAB_SHELL" ] && start_agent

$B mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
$B mount -t debugfs debugfs /sys/kernel/debug 2> /dev/null
$B mount -t tracefs tracefs /sys/kernel/tracing 2> /dev/null
$B hostname lab
$B ip link set lo up

for module in $LAB_MODULES; do
  $B insmod "/run/lab/modules/$module" || echo "lab: module $module cannot be loaded"
done

$B sh /run/lab/setup.sh
[ -n "$LAB_USER" ] && give_nodes

$B sh /run/lab/slots.sh

if [ -n "$LAB_SHELL" ]; then
  $B setsid $B cttyhack "$LAB_SHELL"
  end
fi

: > /run/lab/gate
$B rm /run/lab/gate
wait "$agent"
echo "lab: the agent ended with status $?"
end
