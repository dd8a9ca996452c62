/* websocket_world.c - see websocket_world.h. */
#include "access/websocket_world.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int ws_handshake(int fd, const char *lines)
{
	struct hy_buf b = {0};
	char head[1024] = "";
	hy_buf_printf(&b,
		"GET /link HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
		lines);
	client_flush(fd, &b);
	for (size_t len = 0; len < sizeof head - 1 && !strstr(head, "\r\n\r\n"); len++)
		assert_true(client_receive(fd, head + len, 1));
	assert_non_null(strstr(head, "\r\n\r\n"));
	int status = atoi(head + strlen("HTTP/1.1 "));
	assert_int_equal(status == 101, strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != NULL);
	return status;
}

int ws_open(struct access_world *w)
{
	int fd = client_open(w);
	assert_int_equal(ws_handshake(fd, ""), 101);
	return fd;
}

void ws_put(struct hy_buf *b, uint8_t first, const void *payload, size_t len)
{
	static const uint8_t mask[4] = {0x5a, 0x01, 0xfe, 0x77};
	uint8_t head[10] = {first};
	size_t head_len = len <= 125 ? 2 : len <= UINT16_MAX ? 4 : 10;
	head[1] = (uint8_t)(0x80 | (len <= 125 ? len : len <= UINT16_MAX ? 126 : 127));
	if (head_len == 4)
		hy_put_be32(head + 2, (uint32_t)len << 16);
	else if (head_len == 10)
		hy_put_be64(head + 2, len);
	hy_buf_append(b, head, head_len);
	hy_buf_append(b, mask, sizeof mask);
	for (size_t i = 0; i < len; i++)
		hy_buf_append(b, &(uint8_t){((const uint8_t *)payload)[i] ^ mask[i % 4]}, 1);
}

void ws_send(int fd, uint8_t first, const void *payload, size_t len)
{
	struct hy_buf b = {0};
	ws_put(&b, first, payload, len);
	client_flush(fd, &b);
}

void ws_wrap(struct hy_buf *b, struct hy_buf *frames)
{
	struct mars_frame f;
	while (hy_buf_len(frames) > 0) {
		assert_int_equal(mars_parse(hy_buf_bytes(frames), MARS_FRAME_MAX, &f), MARS_WHOLE);
		ws_put(b, FIN | BINARY, hy_buf_data(frames), f.size);
		hy_buf_consume(frames, f.size);
	}
	hy_buf_fini(frames);
}

void ws_flush(int fd, struct hy_buf *frames)
{
	struct hy_buf b = {0};
	ws_wrap(&b, frames);
	client_flush(fd, &b);
}

int ws_get(int fd, uint8_t *payload, size_t size, size_t *ret_len)
{
	uint8_t head[2], more[8];
	if (!client_receive(fd, head, sizeof head))
		return -1;
	assert_true(head[0] & FIN);
	*ret_len = head[1];
	if (head[1] >= 126) {
		assert_true(client_receive(fd, more, head[1] == 126 ? 2 : 8));
		*ret_len = head[1] == 126 ? (size_t)more[0] << 8 | more[1] : hy_get_be64(more);
		assert_true(*ret_len > (head[1] == 126 ? 125 : UINT16_MAX)); /* as short as can be */
	}
	assert_true(*ret_len <= size && (*ret_len == 0 || client_receive(fd, payload, *ret_len)));
	return head[0] & 0x0f;
}

void ws_frame_get(int fd, struct frame *f)
{
	static uint8_t message[MARS_HEAD + sizeof f->body];
	size_t len;
	assert_int_equal(ws_get(fd, message, sizeof message, &len), BINARY);
	assert_true(len >= MARS_HEAD && hy_get_be32(message) == MARS_HEAD);
	f->version = hy_get_be32(message + 4);
	f->cmd = hy_get_be32(message + 8);
	f->seq = hy_get_be32(message + 12);
	f->len = hy_get_be32(message + 16);
	assert_int_equal(f->len, len - MARS_HEAD);
	memcpy(f->body, message + MARS_HEAD, f->len);
}

void ws_assert_answer(int fd, uint32_t cmd, uint32_t seq, int code)
{
	struct frame f;
	ws_frame_get(fd, &f);
	assert_int_equal(f.cmd, cmd);
	assert_int_equal(f.seq, seq);
	assert_int_equal(frame_code(&f), code);
}

void ws_heartbeat(int fd)
{
	struct hy_buf b = {0};
	struct frame f;
	put_noop(&b);
	ws_flush(fd, &b);
	ws_frame_get(fd, &f);
	assert_int_equal(f.cmd, MARS_CMD_NOOP);
	assert_int_equal(f.len, 0);
}

void ws_identify(int fd, uint32_t uin, unsigned device)
{
	struct hy_buf b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	put_identify(&b, world_ticket(uin, device, ticket));
	ws_flush(fd, &b);
	ws_assert_answer(fd, 104, MARS_SEQ_IDENTIFY, HY_OK);
}

void ws_assert_closed(int fd, unsigned code)
{
	uint8_t payload[125];
	size_t len;
	assert_int_equal(ws_get(fd, payload, sizeof payload, &len), CLOSE);
	assert_int_equal(len, code ? 2 : 0);
	if (code)
		assert_int_equal(payload[0] << 8 | payload[1], code);
	shutdown(fd, SHUT_WR);
	assert_true(client_ended(fd));
	close(fd);
}
