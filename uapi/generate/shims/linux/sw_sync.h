/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of sw_sync, which no header of the kernel has: copied from drivers/dma-buf/sw_sync.c
 * (Linux 7.3; the same in 6.12).
 */
#ifndef _LINUX_SW_SYNC_H
#define _LINUX_SW_SYNC_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct sw_sync_create_fence_data {
	__u32	value;
	char	name[32];
	__s32	fence; /* fd of new fence */
};

/**
 * struct sw_sync_get_deadline - get the deadline hint of a sw_sync fence
 * @deadline_ns: absolute time of the deadline
 * @pad:	must be zero
 * @fence_fd:	the sw_sync fence fd (in)
 *
 * Return the earliest deadline set on the fence.  The timebase for the
 * deadline is CLOCK_MONOTONIC (same as vblank).  If there is no deadline
 * set on the fence, this ioctl will return -ENOENT.
 */
struct sw_sync_get_deadline {
	__u64	deadline_ns;
	__u32	pad;
	__s32	fence_fd;
};

#define SW_SYNC_IOC_MAGIC	'W'

#define SW_SYNC_IOC_CREATE_FENCE	_IOWR(SW_SYNC_IOC_MAGIC, 0,\
		struct sw_sync_create_fence_data)

#define SW_SYNC_IOC_INC			_IOW(SW_SYNC_IOC_MAGIC, 1, __u32)
#define SW_SYNC_GET_DEADLINE		_IOWR(SW_SYNC_IOC_MAGIC, 2, \
		struct sw_sync_get_deadline)

#endif
