/* SPDX-License-Identifier: MIT */
/*
 * The peer of ci/bench/ioctl.ts: the same calls from C. Prints one line per call, its name and
 * nanoseconds per call.
 *
 * usage: ioctl-peer CALLS
 */
#include <fcntl.h>
#include <linux/random.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

struct sample {
	uint32_t count;
	uint32_t flags;
	uint64_t address;
	uint64_t reserved[6];
};

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static double bare(int fd, long calls)
{
	struct sample arg = { 0 };
	double start = now_ns();

	for (long i = 0; i < calls; i++)
		ioctl(fd, RNDGETENTCNT, &arg);
	return (now_ns() - start) / calls;
}

static double typed(int fd, long calls)
{
	struct sample arg = { 0 };
	volatile uint32_t seen;
	double start = now_ns();

	for (long i = 0; i < calls; i++) {
		arg.flags = i & 0xff;
		ioctl(fd, RNDGETENTCNT, &arg);
		seen = arg.count;
	}
	(void)seen;
	return (now_ns() - start) / calls;
}

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 0;
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	if (calls <= 0 || fd < 0)
		return 2;
	printf("works %f\n", bare(fd, calls));
	printf("fails %f\n", bare(-1, calls));
	printf("struct %f\n", typed(fd, calls));
	return 0;
}
