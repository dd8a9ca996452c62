/**
 * rpc_frame.h - the frame between our own processes, 64 bytes of head and a protobuf body, little-endian.
 *
 *	offset size
 *	     0    4  length of head and body together, at most RPC_FRAME_MAX
 *	     4    1  kind: 1 call, 2 answer, 3 cancel (head only; the answer still comes)
 *	     5    1  priority
 *	     6    2  head length, 64; more later, skipped by those who do not know it
 *	     8    8  call ID, chosen by the caller, echoed; unique among the connection's open calls
 *	    16    2  service ID            in an answer: status
 *	    18    2  method index          in an answer: 0
 *	    20    4  time left, ms         in an answer: retry after, ms
 *	    24    8  trace
 *	    32    4  passport: UIN
 *	    36    1  passport: length of device    (device, then name, stand before the body)
 *	    37    1  passport: length of name
 *	    38    2  in an answer: length of the message for people, which stands before the body
 *	    40   24  zero; the passport's signature later
 *
 * Calls are pipelined; answers come in any order.
 */
#ifndef RPC_FRAME_H
#define RPC_FRAME_H

#include "base/base.h"

#define RPC_FRAME_HEAD 64u
#define RPC_FRAME_MAX (4u << 20)

enum rpc_frame_kind { RPC_FRAME_CALL = 1, RPC_FRAME_ANSWER = 2, RPC_FRAME_CANCEL = 3 };

struct rpc_frame {
	uint8_t kind, priority;
	uint16_t service, method; /* service: the status, in an answer */
	uint32_t time_ms;         /* time left, or retry after */
	uint64_t call_id, trace;
	uint32_t uin;
	struct hy_bytes device, name, message, body; /* point into the input */
};

/**
 * How many bytes the frame at the front takes (its head is complete when `in.len` >= 8), 0 when more are needed to say,
 * -1 for garbage.
 */
int64_t rpc_frame_length(struct hy_bytes in);
/** `in` is one whole frame. False for garbage: the connection ends. */
bool rpc_frame_decode(struct hy_bytes in, struct rpc_frame *ret_frame) HY_MUST_USE;
/**
 * Writes head and what stands before the body; `f->body.len` is counted, the body's bytes are the caller's to write.
 * Returns the bytes written.
 */
size_t rpc_frame_encode_head(const struct rpc_frame *f, uint8_t *out);
/** Bytes that rpc_frame_encode_head() will write. */
size_t rpc_frame_head_size(const struct rpc_frame *f);

#endif
