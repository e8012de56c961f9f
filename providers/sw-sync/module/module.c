// SPDX-License-Identifier: GPL-2.0-only
/* What sw_sync.c and sync_debug.c of the kernel lack to be a module. */

#include <linux/module.h>
#include <linux/sync_file.h>

/*
 * sync_file.c does not export it. Up to 6.12 sync_debug.c names sync_files by it, those of a list
 * that nobody adds to; later kernels do not use it.
 */
char *sync_file_get_name(struct sync_file *sync_file, char *buf, int len)
{
	return buf;
}

MODULE_DESCRIPTION("sw_sync, as a module");
MODULE_LICENSE("GPL");
