/*
 * In place of include/rdma/uverbs_ioctl.h and uverbs_named_ioctl.h: each declaration expands to one
 * JSON value between UAPI_BEGIN and UAPI_END. Expressions become strings, which the compiler then
 * evaluates; names stay names, since no header that would define them is included.
 */
#define UAPI_TEXT_(...) #__VA_ARGS__
#define UAPI_TEXT(...) UAPI_TEXT_(__VA_ARGS__)

#define IS_ENABLED(option) 1

#define DECLARE_UVERBS_NAMED_METHOD(_method, ...) \
	UAPI_BEGIN {"declares": "method", "name": #_method, "attributes": [__VA_ARGS__]} UAPI_END
#define DECLARE_UVERBS_NAMED_METHOD_DESTROY(_method, _attribute) \
	DECLARE_UVERBS_NAMED_METHOD(_method, _attribute)
#define DECLARE_UVERBS_NAMED_OBJECT(_object, _type, ...) \
	UAPI_BEGIN {"declares": "object", "name": #_object, "methods": [__VA_ARGS__]} UAPI_END
#define DECLARE_UVERBS_GLOBAL_METHODS(_object, ...) \
	DECLARE_UVERBS_NAMED_OBJECT(_object, none, __VA_ARGS__)
/* What a driver adds to an object of the core. */
#define ADD_UVERBS_METHODS(_name, _object, ...) \
	DECLARE_UVERBS_NAMED_OBJECT(_object, none, __VA_ARGS__)
/* What a driver takes with a method of the core. */
#define ADD_UVERBS_ATTRIBUTES_SIMPLE(_name, _object, _method, ...) \
	UAPI_BEGIN {"declares": "more", "method": #_method, "attributes": [__VA_ARGS__]} UAPI_END

/* It stands behind an ampersand, which the reader takes away. */
#define UVERBS_METHOD(_method) #_method
#define UVERBS_HANDLER(_method) handler

#define UAPI_ATTRIBUTE(_kind, _name, ...) \
	{"kind": _kind, "name": #_name __VA_OPT__(,) __VA_ARGS__}
#define UAPI_SIZES(_min, _max) "min": UAPI_TEXT(_min), "max": UAPI_TEXT(_max)

#define UVERBS_ATTR_PTR_IN(_name, ...) UAPI_ATTRIBUTE("ptr-in", _name __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_PTR_OUT(_name, ...) UAPI_ATTRIBUTE("ptr-out", _name __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_IDR(_name, _object, _access, ...) \
	UAPI_ATTRIBUTE("idr", _name, "object": #_object, "access": #_access __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_FD(_name, _object, _access, ...) \
	UAPI_ATTRIBUTE("fd", _name, "object": #_object, "access": #_access __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_RAW_FD(_name, ...) UAPI_ATTRIBUTE("raw-fd", _name __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_ENUM_IN(_name, _elements, ...) \
	UAPI_ATTRIBUTE("enum-in", _name, "elements": #_elements __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_IDRS_ARR(_name, _object, _access, _min, _max, ...)             \
	UAPI_ATTRIBUTE("idrs-array", _name, "object": #_object, "access": #_access, \
		       UAPI_SIZES(_min, _max) __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_CONST_IN(_name, _enum, ...) \
	UAPI_ATTRIBUTE("ptr-in", _name, UAPI_SIZES(sizeof(u64), sizeof(u64)) __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_FLAGS_IN(_name, _enum, ...) \
	UAPI_ATTRIBUTE("ptr-in", _name, UAPI_SIZES(sizeof(u32), sizeof(u64)) __VA_OPT__(,) __VA_ARGS__)
#define UVERBS_ATTR_UHW()                                                                  \
	UAPI_ATTRIBUTE("ptr-in", UVERBS_ATTR_UHW_IN, UVERBS_ATTR_MIN_SIZE(0), UA_OPTIONAL), \
	UAPI_ATTRIBUTE("ptr-out", UVERBS_ATTR_UHW_OUT, UVERBS_ATTR_MIN_SIZE(0), UA_OPTIONAL)
#define UVERBS_ATTR_UMEM(_name, ...) \
	UVERBS_ATTR_PTR_IN(_name, UVERBS_ATTR_TYPE(struct ib_uverbs_buffer_desc) __VA_OPT__(,) __VA_ARGS__)

#define UVERBS_ATTR_SIZE(_min, _max) UAPI_SIZES(_min, _max)
#define UVERBS_ATTR_NO_DATA() UAPI_SIZES(0, 0)
#define UVERBS_ATTR_MIN_SIZE(_min) UAPI_SIZES(_min, 0xffff)
#define UVERBS_ATTR_TYPE(_type) "type": #_type, UAPI_SIZES(sizeof(_type), sizeof(_type))
#define UVERBS_ATTR_STRUCT(_type, _last) \
	"type": #_type, "zeroTail": true, UAPI_SIZES(offsetofend(_type, _last), sizeof(_type))

#define UA_MANDATORY "mandatory": true
#define UA_OPTIONAL "mandatory": false
#define UA_ALLOC_AND_COPY "copied": true

/* What an enum attribute may carry: an array whose initializers are named by the enumerator. */
#define uverbs_attr_spec UAPI_ELEMENTS
