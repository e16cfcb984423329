#!/bin/sh
# First process of the x86 guest: the host's root over 9p, read-only, with a layer of memory on top.
busybox=/bin/busybox
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $($busybox cat /modules); do $busybox insmod "/mod/$module"; done
$busybox mkdir -p /host /layer /root
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro host /host
mount -t tmpfs layer /layer
$busybox mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /root
for folder in proc sys dev; do mount -o move "/$folder" "/root/$folder"; done
for folder in run tmp; do mount -t tmpfs "$folder" "/root/$folder"; done
$busybox mkdir -p /root/dev/shm
mount -t tmpfs shm /root/dev/shm
$busybox ln -s /proc/self/fd /root/dev/fd
exec $busybox switch_root /root /bin/sh "$agent"
