/*
 * The interface of sw_sync, which no header of the kernel has: numbers and layouts as
 * drivers/dma-buf/sw_sync.c has them (Linux 7.3; the same in 6.12).
 */
#ifndef _LINUX_SW_SYNC_H
#define _LINUX_SW_SYNC_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct sw_sync_create_fence_data {
	__u32	value;
	char	name[32];
	__s32	fence;
};

/* The answer, in nanoseconds of CLOCK_MONOTONIC, and the padding must be zero in the question. */
struct sw_sync_get_deadline {
	__u64	deadline_ns;
	__u32	pad;
	__s32	fence_fd;
};

#define SW_SYNC_IOC_CREATE_FENCE	_IOWR('W', 0, struct sw_sync_create_fence_data)
#define SW_SYNC_IOC_INC			_IOW('W', 1, __u32)
#define SW_SYNC_GET_DEADLINE		_IOWR('W', 2, struct sw_sync_get_deadline)

#endif
