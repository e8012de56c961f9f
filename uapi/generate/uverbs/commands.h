/*
 * First pass over drivers/infiniband/core/uverbs_cmd.c: the declarations of write commands. Their
 * last part is kept as text, because that file itself defines the macros in it.
 */
#define IS_ENABLED(option) 1
#define DECLARE_UVERBS_OBJECT(_object, ...) __VA_ARGS__
#define DECLARE_UVERBS_WRITE(_command, _function, _structs, ...) \
	UAPI_BEGIN {"name": #_command, "extended": false, "structs": #_structs} UAPI_END
#define DECLARE_UVERBS_WRITE_EX(_command, _function, _structs, ...) \
	UAPI_BEGIN {"name": #_command, "extended": true, "structs": #_structs} UAPI_END
