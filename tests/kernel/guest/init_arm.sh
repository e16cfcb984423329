#!/bin/sh
# First process of the ARM guest: the root file system on the SD card, read-only.
busybox=/bin/busybox
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $($busybox cat /modules); do $busybox insmod "/mod/$module"; done
$busybox mkdir -p /root
for _ in $($busybox seq 100); do
    [ -b /dev/mmcblk0 ] && break
    $busybox sleep 0.2
done
mount -t ext4 -o ro,noload /dev/mmcblk0 /root
for folder in proc sys dev; do mount -o move "/$folder" "/root/$folder"; done
for folder in run tmp; do mount -t tmpfs "$folder" "/root/$folder"; done
$busybox mkdir -p /root/dev/shm
mount -t tmpfs shm /root/dev/shm
$busybox ln -s /proc/self/fd /root/dev/fd
exec $busybox switch_root /root /bin/sh "$agent"
