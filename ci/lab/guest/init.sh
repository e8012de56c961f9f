#!/lab/busybox sh
# First program of the lab's guest, run from the initial RAM disk by busybox: makes the host's files
# the root (read-only over 9p, an overlay in memory above them) and hands over to session.sh.
# Lines that begin with "lab: " are read by the host; "lab: failed: " ends the boot.

B=/lab/busybox
. /lab/env

fail() {
  echo "lab: failed: $1"
  $B sync
  echo b > /proc/sysrq-trigger
  $B reboot -f
  while :; do $B sleep 60; done
}

$B mount -t proc proc /proc || fail 'no procfs'
$B mount -t sysfs sysfs /sys || fail 'no sysfs'
$B mount -t devtmpfs dev /dev || fail 'the kernel has no devtmpfs (CONFIG_DEVTMPFS)'

for module in $BOOT_MODULES; do
  $B insmod "/lab/modules/$module" || fail "module $module cannot be loaded"
done

$B mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose hostroot /host ||
  fail 'no 9p: CONFIG_VIRTIO_PCI, CONFIG_NET_9P_VIRTIO, CONFIG_9P_FS must be built in or in --modules'
$B mount -t tmpfs -o mode=755 overlay /overlay || fail 'no tmpfs'
$B mkdir /overlay/upper /overlay/work
$B mount -t overlay -o lowerdir=/host,upperdir=/overlay/upper,workdir=/overlay/work overlay /root ||
  fail 'no overlay: CONFIG_OVERLAY_FS must be built in or in --modules'

for dir in proc sys dev; do
  $B mkdir -p "/root/$dir"
  $B mount --move "/$dir" "/root/$dir" || fail "cannot move /$dir"
done

# A project or cache below /tmp or /run must stay visible: the overlay is writable without a mount.
case "$VISIBLE" in *" /tmp/"*) ;; *) $B mount -t tmpfs -o mode=1777 tmp /root/tmp ;; esac
case "$VISIBLE" in *" /run/"*) ;; *) $B mount -t tmpfs -o mode=755 run /root/run ;; esac

if [ -n "$MODULES_DIR" ]; then
  $B mkdir -p "/root/lib/modules/$RELEASE"
  $B mount --bind "/host$MODULES_DIR" "/root/lib/modules/$RELEASE"
fi
if [ -n "$KERNEL_CONFIG" ]; then
  $B mkdir -p /root/boot
  $B ln -sf "$KERNEL_CONFIG" "/root/boot/config-$RELEASE"
fi

$B mkdir -p /root/run/lab
$B mount --bind /lab /root/run/lab || fail 'no bind mount'

# Moved to the top and not merely chroot: a process in a chroot may not make a user namespace.
cd /root || fail 'no root'
$B mount --move . / || fail 'cannot move the root'
exec $B chroot . /run/lab/busybox sh /run/lab/session.sh
