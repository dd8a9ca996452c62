/**
 * status.h - the one set of status codes.
 *
 * Every function that can fail in a way its caller must know returns an int: HY_OK (0) or one of the codes below,
 * gRPC's canonical set (grpc/grpc doc/statuscodes.md). The same numbers travel on the wire (rule W2), so they never
 * change. Functions of src/env, which stand in for system calls, return negative errno values instead.
 */
#ifndef HY_STATUS_H
#define HY_STATUS_H

#define HY_STATUS_MAP(X)                                                     \
	X(OK, 0, "ok")                                                       \
	X(CANCELLED, 1, "cancelled")                                         \
	X(UNKNOWN, 2, "unknown error")                                       \
	X(INVALID_ARGUMENT, 3, "invalid argument")                           \
	X(DEADLINE_EXCEEDED, 4, "deadline exceeded; the outcome is unknown") \
	X(NOT_FOUND, 5, "not found")                                         \
	X(ALREADY_EXISTS, 6, "already exists")                               \
	X(PERMISSION_DENIED, 7, "permission denied")                         \
	X(RESOURCE_EXHAUSTED, 8, "a limit was reached")                      \
	X(FAILED_PRECONDITION, 9, "failed precondition")                     \
	X(ABORTED, 10, "aborted: the state expected is not the state found") \
	X(OUT_OF_RANGE, 11, "out of range")                                  \
	X(UNIMPLEMENTED, 12, "not implemented")                              \
	X(INTERNAL, 13, "internal error")                                    \
	X(UNAVAILABLE, 14, "unavailable; the outcome is unknown")            \
	X(DATA_LOSS, 15, "data loss")                                        \
	X(UNAUTHENTICATED, 16, "not signed in")

/* clang-format off */
enum hy_status {
#define X(name, value, text) HY_##name = (value),
	HY_STATUS_MAP(X)
#undef X
	HY_STATUS_COUNT
};
/* clang-format on */

/** "NOT_FOUND" for HY_NOT_FOUND; "?" for a number outside the set. Static storage. */
const char *hy_status_name(int status);
/** A short sentence for people. Static storage. */
const char *hy_status_text(int status);

#endif
