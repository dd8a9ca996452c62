/**
 * mars_frame.h - the long link's frame, as the open-source Mars client library sends it by default (Tencent/mars,
 * mars/stn/proto/longlink_packer.cc). All numbers big-endian, unsigned, 32 bits.
 *
 *	offset size
 *	     0    4  head length: 20; more if options follow the fixed part, which are skipped
 *	     4    4  client version: the client's own; answers carry the client's value, or Mars drops the link
 *	     8    4  command: which method (its `cmd` in *.proto), or one of the fixed ones below; echoed in the answer
 *	    12    4  seq: the client's task ID, echoed in the answer; 0 in a push
 *	    16    4  body length
 *	  head   body: the method's request or answer in protobuf
 *
 * Answers come in the order in which they are done. How the links are used: README.md beside this file.
 *
 * Pure functions of their input.
 */
#ifndef MARS_FRAME_H
#define MARS_FRAME_H

#include "base/base.h"

#define MARS_HEAD 20u
#define MARS_HEAD_MAX 128u        /* longest head with options that is accepted */
#define MARS_FRAME_MAX (1u << 20) /* Mars takes more as corruption */

#define MARS_VERSION 200u /* of our own clients, as in Mars's samples */

/** Fixed commands. */
#define MARS_CMD_NOOP 6u         /* heartbeat, both ways, empty, seq MARS_SEQ_NOOP; answered with the same 20 bytes */
#define MARS_CMD_SIGNALLING 243u /* keep-alive, empty, no answer */
#define MARS_CMD_PUSH 201u       /* from the server, seq 0: a PushHint */

#define MARS_SEQ_PUSH 0u
#define MARS_SEQ_NOOP 0xFFFFFFFFu
#define MARS_SEQ_IDENTIFY 0xFFFFFFFEu
#define MARS_SEQ_SIGNALLING 0xFFFFFFFDu

struct mars_frame {
	uint32_t version, cmd, seq;
	struct hy_bytes body; /* points into the input */
	size_t size;          /* of the whole frame */
};

enum mars_parse {
	MARS_WHOLE,   /* ret_frame is set */
	MARS_PARTIAL, /* more bytes are needed; if its head is there, all but the body is set, else size is 0 */
	MARS_BAD,     /* not a frame, or longer than body_max allows: the stream has no way to go on */
};

/** Looks at the front of `in`. `body_max`: longest body accepted here and now; refused as soon as the head is there. */
enum mars_parse mars_parse(struct hy_bytes in, uint32_t body_max, struct mars_frame *ret_frame) HY_MUST_USE;
/** Writes the 20 bytes before a body of `body_len` bytes. */
void mars_write_head(uint8_t out[MARS_HEAD], uint32_t version, uint32_t cmd, uint32_t seq, uint32_t body_len);

#endif
