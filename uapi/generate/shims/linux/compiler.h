/* As in linux/compiler_types.h beside this. */
#include <linux/compiler_types.h>
