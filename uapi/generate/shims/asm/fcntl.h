/* A kernel build writes this header; a bare source tree lacks it. */
#include <asm-generic/fcntl.h>
