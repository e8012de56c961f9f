/* What headers inside the kernel take for granted. */
#ifndef MODELS_IN_KERNEL_H
#define MODELS_IN_KERNEL_H
#include <linux/types.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#define BIT(bit) (1U << (bit))
#define BIT_ULL(bit) (1ULL << (bit))
#define GENMASK_ULL(high, low) ((~0ULL >> (63 - (high))) & (~0ULL << (low)))
#define GENMASK(high, low) ((~0U >> (31 - (high))) & (~0U << (low)))
#define static_assert(condition) _Static_assert(condition, #condition)
#define __counted_by(member)
#define __counted_by_le(member)
#define __aligned(bytes) __attribute__((__aligned__(bytes)))
#define cpu_to_le64(value) (value)
#define cpu_to_le32(value) (value)
#define le64_to_cpu(value) (value)
#define le32_to_cpu(value) (value)
#define __packed __attribute__((__packed__))
#endif
