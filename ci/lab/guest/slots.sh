# Pulls PCI devices out for the suite and puts them back, as a person with a card in the hand would. The
# suite writes no sysfs, on no machine; the lab is the lab's. QEMU's own hot-unplug is of no use: its
# vfio-user-pci of 11.1 aborts when one that has MSI-X goes (memory_region_del_subregion()).
#
# An order is a line `NUMBER remove ADDRESS` or `NUMBER add ADDRESS` in a FIFO. Its answer is a file of that
# number: `ok`, EBUSY while a removal is on its way, which may wait for users of the device for ever,
# ENODEV and EEXIST for what is not there or already is, and EIO for what does not come back.

B=/run/lab/busybox
SLOTS=/run/lab/slots

# Whom a device was given to in place of its driver (vfio-pci) is forgotten with it, so it is kept here.
pull_out() {
  [ -e "$1" ] || { echo ENODEV; return; }
  $B cat "$1/driver_override" > "$SLOTS/driver-${1##*/}"
  echo 1 > "$1/remove"
  echo ok
}

put_in() {
  [ -e "$1" ] && { echo EEXIST; return; }
  echo 1 > /sys/bus/pci/rescan
  [ -e "$1" ] || { echo EIO; return; }
  read -r driver < "$SLOTS/driver-${1##*/}"
  if [ "$driver" != "(null)" ]; then
    echo "$driver" > "$1/driver_override"
    echo "${1##*/}" > /sys/bus/pci/drivers_probe
  fi
  echo ok
}

carry_out() {
  number="$1" order="$2" device="/sys/bus/pci/devices/$3" busy="$SLOTS/busy-$3"
  if $B mkdir "$busy" 2> /dev/null; then
    case "$order" in
      remove) answer="$(pull_out "$device")" ;;
      add) answer="$(put_in "$device")" ;;
      *) answer=EINVAL ;;
    esac
    $B rmdir "$busy"
  else
    answer=EBUSY
  fi
  echo "$answer" > "$SLOTS/.$number"
  $B mv "$SLOTS/.$number" "$SLOTS/$number"
}

serve() {
  while read -r number order address; do
    carry_out "$number" "$order" "$address" &
  done <> "$SLOTS/orders"
}

# QEMU itself dies of a virtio-gpu that goes, before 11.
list_pinned() {
  case "$($B cat /sys/class/dmi/id/product_version)" in
    pc-q35-[0-9].* | pc-q35-10.*) ;;
    *) return ;;
  esac
  for device in /sys/bus/pci/devices/*; do
    [ "$($B cat "$device/device")" = 0x1050 ] && echo "${device##*/}"
  done
}

$B mkdir "$SLOTS"
list_pinned > "$SLOTS/pinned"
$B mkfifo -m 600 "$SLOTS/orders"
serve &
