/* What headers_install strips from the uapi headers: a bare source tree still has it. */
#ifndef UAPI_GENERATE_COMPILER_TYPES_H
#define UAPI_GENERATE_COMPILER_TYPES_H
#define __user
#define __iomem
#define __force
#define __attribute_const__ __attribute__((__const__))
#define __packed __attribute__((__packed__))
#define __always_inline inline
#endif
