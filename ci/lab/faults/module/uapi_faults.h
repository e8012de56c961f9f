/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * uAPI of the uapi-faults module: one ioctl that misbehaves on demand.
 */
#ifndef _UAPI_FAULTS_H
#define _UAPI_FAULTS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum faults_what - what FAULTS_DO does before it returns, if it returns
 *
 * @FAULTS_NOTHING: Returns 0 at once.
 * @FAULTS_SLEEP: Sleeps for ever; any signal ends it with -EINTR.
 * @FAULTS_SLEEP_UNINTERRUPTIBLE: Sleeps for @arg seconds, or for ever if @arg
 *	is 0. No signal ends it, SIGKILL included; FAULTS_RELEASE does.
 * @FAULTS_RELEASE: Ends the uninterruptible sleep of all who are in it.
 * @FAULTS_WARN: Trips a WARN_ON().
 * @FAULTS_REFCOUNT: Decrements a reference count that is zero already. The
 *	kernel reports only the first one of a boot.
 * @FAULTS_LEAK_FD: Installs a file descriptor that the caller is not told of.
 * @FAULTS_DMABUF: Exports a dma-buf of @arg pages; @fd is set. All is well
 *	with it.
 * @FAULTS_LEAK_DMABUF: As FAULTS_DMABUF, with a reference that nobody drops,
 *	so that the dma-buf outlives its last descriptor.
 * @FAULTS_LATE: Returns 0 after @arg milliseconds. SIGKILL ends it sooner.
 * @FAULTS_OOPS: Writes through a NULL pointer, holding no locks.
 * @FAULTS_PANIC: Panics.
 * @FAULTS_LOG: Logs one line of level "err" that holds @arg, and returns 0.
 * @FAULTS_STALL: Keeps a CPU busy for @arg seconds, or for ever if @arg is 0,
 *	and logs nothing. SIGKILL ends it sooner.
 * @FAULTS_STALL_LOGGING: Sleeps for @arg seconds, or for ever if @arg is 0,
 *	and logs a line each second. SIGKILL ends it sooner.
 * @FAULTS_LEAK_MODULE: Takes a reference to the module that nobody drops.
 */
enum faults_what {
	FAULTS_NOTHING,
	FAULTS_SLEEP,
	FAULTS_SLEEP_UNINTERRUPTIBLE,
	FAULTS_RELEASE,
	FAULTS_WARN,
	FAULTS_REFCOUNT,
	FAULTS_LEAK_FD,
	FAULTS_DMABUF,
	FAULTS_LEAK_DMABUF,
	FAULTS_LATE,
	FAULTS_OOPS,
	FAULTS_PANIC,
	FAULTS_LOG,
	FAULTS_STALL,
	FAULTS_STALL_LOGGING,
	FAULTS_LEAK_MODULE,
};

/**
 * struct faults_do - argument of FAULTS_DO
 *
 * @what: (in) One of &enum faults_what; others are refused with -EINVAL.
 * @arg: (in) As @what tells; ignored where it tells nothing.
 * @fd: (out) A file descriptor, or -1.
 * @pad: Must be zero.
 */
struct faults_do {
	__u32 what;
	__u32 arg;
	__s32 fd;
	__u32 pad;
};

#define FAULTS_IOC_MAGIC	0xfa
#define FAULTS_DO		_IOWR(FAULTS_IOC_MAGIC, 0x00, struct faults_do)

#endif /* _UAPI_FAULTS_H */
