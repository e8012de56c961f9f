/* Second pass: what uverbs_cmd.c says of the structs of a command. */
#define UAPI_TEXT_(...) #__VA_ARGS__
#define UAPI_TEXT(...) UAPI_TEXT_(__VA_ARGS__)

#define UAPI_REQUEST(_type, _size) "request": #_type, "minRequest": UAPI_TEXT(_size)
#define UAPI_RESPONSE(_type, _size) "response": #_type, "minResponse": UAPI_TEXT(_size)

#define UAPI_DEF_WRITE_I(_in) UAPI_REQUEST(_in, sizeof(_in))
#define UAPI_DEF_WRITE_I_EX(_in, _last) UAPI_REQUEST(_in, offsetofend(_in, _last))
#define UAPI_DEF_WRITE_IO(_in, _out) \
	UAPI_DEF_WRITE_I(_in), UAPI_RESPONSE(_out, sizeof(_out))
#define UAPI_DEF_WRITE_IO_EX(_in, _last_in, _out, _last_out) \
	UAPI_DEF_WRITE_I_EX(_in, _last_in), UAPI_RESPONSE(_out, offsetofend(_out, _last_out))
#define UAPI_DEF_WRITE_UDATA_I(_in) UAPI_DEF_WRITE_I(_in), "udata": true
#define UAPI_DEF_WRITE_UDATA_IO(_in, _out) UAPI_DEF_WRITE_IO(_in, _out), "udata": true
