// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that misbehaves on demand, by which a test harness proves that it
 * notices and survives. Only for virtual machines that may be lost.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/wait.h>

#include "uapi_faults.h"

#define FAULTS_NAME "uapi-faults"

/* Counts the releases, so that a sleeper sees those that came after it. */
static atomic_t faults_releases = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(faults_released);

static int faults_sleep(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
	while (!signal_pending(current)) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return -EINTR;
}

static int faults_sleep_uninterruptible(u32 seconds)
{
	int seen = atomic_read(&faults_releases);

	if (seconds)
		wait_event_timeout(faults_released,
				   atomic_read(&faults_releases) != seen,
				   (long)seconds * HZ);
	else
		wait_event(faults_released,
			   atomic_read(&faults_releases) != seen);
	return 0;
}

static int faults_release(void)
{
	atomic_inc(&faults_releases);
	wake_up_all(&faults_released);
	return 0;
}

static int faults_refcount(void)
{
	static refcount_t count;

	refcount_set(&count, 0);
	if (refcount_dec_and_test(&count))
		pr_err("the last reference of none was dropped\n");
	return 0;
}

static const struct file_operations faults_leaked_fops = {
	.owner = THIS_MODULE,
};

static int faults_leak_fd(void)
{
	int fd = anon_inode_getfd("[" FAULTS_NAME "]", &faults_leaked_fops,
				  NULL, O_RDWR | O_CLOEXEC);

	return fd < 0 ? fd : 0;
}

/* The dma-buf has no memory: nobody can map it for a device. */
static struct sg_table *faults_map_dma_buf(struct dma_buf_attachment *attach,
					   enum dma_data_direction direction)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void faults_unmap_dma_buf(struct dma_buf_attachment *attach,
				 struct sg_table *table,
				 enum dma_data_direction direction)
{
}

static void faults_release_dma_buf(struct dma_buf *dmabuf)
{
}

static const struct dma_buf_ops faults_dma_buf_ops = {
	.map_dma_buf = faults_map_dma_buf,
	.unmap_dma_buf = faults_unmap_dma_buf,
	.release = faults_release_dma_buf,
};

static int faults_dma_buf(u32 pages, bool leak, __s32 *result)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;
	int fd;

	info.exp_name = FAULTS_NAME;
	info.ops = &faults_dma_buf_ops;
	info.size = (size_t)pages << PAGE_SHIFT;
	info.flags = O_RDWR | O_CLOEXEC;
	info.priv = &faults_releases; /* must not be NULL; not used */
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0) {
		dma_buf_put(dmabuf);
		return fd;
	}
	if (leak)
		get_dma_buf(dmabuf);
	*result = fd;
	return 0;
}

static int faults_late(u32 milliseconds)
{
	unsigned long left = msecs_to_jiffies(milliseconds);

	while (left && !fatal_signal_pending(current))
		left = schedule_timeout_killable(left);
	return left ? -EINTR : 0;
}

static int faults_oops(void)
{
	WRITE_ONCE(*(int *)NULL, 1);
	return 0;
}

static int faults_stall(u32 seconds, bool is_logging)
{
	unsigned long end = jiffies + (unsigned long)seconds * HZ;
	unsigned int passed = 0;

	while (!seconds || time_before(jiffies, end)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (is_logging) {
			schedule_timeout_killable(HZ);
			pr_info("still busy after %u s\n", ++passed);
		} else {
			cond_resched();
		}
	}
	return 0;
}

static int faults_do(struct faults_do *todo)
{
	switch (todo->what) {
	case FAULTS_NOTHING:
		return 0;
	case FAULTS_SLEEP:
		return faults_sleep();
	case FAULTS_SLEEP_UNINTERRUPTIBLE:
		return faults_sleep_uninterruptible(todo->arg);
	case FAULTS_RELEASE:
		return faults_release();
	case FAULTS_WARN:
		WARN_ON(1);
		return 0;
	case FAULTS_REFCOUNT:
		return faults_refcount();
	case FAULTS_LEAK_FD:
		return faults_leak_fd();
	case FAULTS_DMABUF:
		return faults_dma_buf(todo->arg, false, &todo->fd);
	case FAULTS_LEAK_DMABUF:
		return faults_dma_buf(todo->arg, true, &todo->fd);
	case FAULTS_LATE:
		return faults_late(todo->arg);
	case FAULTS_OOPS:
		return faults_oops();
	case FAULTS_PANIC:
		panic(FAULTS_NAME ": a panic on demand");
	case FAULTS_LOG:
		pr_err("error %u on demand\n", todo->arg);
		return 0;
	case FAULTS_STALL:
		return faults_stall(todo->arg, false);
	case FAULTS_STALL_LOGGING:
		return faults_stall(todo->arg, true);
	case FAULTS_LEAK_MODULE:
		__module_get(THIS_MODULE);
		return 0;
	default:
		return -EINVAL;
	}
}

static long faults_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct faults_do todo;
	int ret;

	if (cmd != FAULTS_DO)
		return -ENOTTY;
	if (copy_from_user(&todo, user, sizeof(todo)))
		return -EFAULT;
	if (todo.pad)
		return -EINVAL;
	todo.fd = -1;
	ret = faults_do(&todo);
	if (ret)
		return ret;
	return copy_to_user(user, &todo, sizeof(todo)) ? -EFAULT : 0;
}

static const struct file_operations faults_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = faults_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice faults_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = FAULTS_NAME,
	.fops = &faults_fops,
};
module_misc_device(faults_device);

MODULE_DESCRIPTION("A driver that misbehaves on demand");
MODULE_LICENSE("GPL");
/* A string since 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS(DMA_BUF);
#else
MODULE_IMPORT_NS("DMA_BUF");
#endif
