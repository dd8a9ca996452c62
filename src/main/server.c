/* server.c - see server.h. Parts start in the order of the table below and end in the opposite order. */
#include "main/server.h"

#include <sodium.h>
#include <stdio.h>

#include "base/mem.h"
#include "data/account/account.h"
#include "data/message/message.h"
#include "data/spaces.h"
#include "logic/auth/auth.h"
#include "logic/delivery/delivery.h"
#include "logic/send/send.h"
#include "logic/session/session.h"
#include "logic/sync/sync.h"
#include "main/admin.h"
#include "main/secrets.h"
#include "main/why.h"
#include "svrkit/rpc.h"

struct server {
	struct env *env;
	struct server_config config;
	struct secrets secrets;
	struct svr *svr;
	struct kt *kt;
	struct account *account;
	struct message *message;
	struct session *session;
	struct delivery *delivery;
	struct sync *sync;
	struct send *send;
	struct auth *auth;
	struct admin *admin;
	struct access *access;
	struct env_addr bound[ACCESS_LISTENERS_MAX];
	bool started;
	char *why;
};
