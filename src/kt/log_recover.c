#include "base/mem.h"
#include "base/planted.h"
#include "kt/dir_make.h"
#include "kt/log_recover.h"

/* A segment's file as found in the folder. */
struct found {
	uint64_t number, size;
	bool whole; /* its header is unharmed, of this store, and says the number of its name */
	struct log_segment_head head;
};

struct recovery {
	struct env *env;
	const struct kt_log_config *config;
	uint64_t from;
	kt_log_replay_fn *replay;
	void *arg;
	struct log_index *index;
	struct kt_log_report *report;

	struct found *files; /* by number */
	size_t file_count;
	uint64_t *spares;
	size_t spare_count;
	uint64_t max_number; /* of any file's name, spares too: numbers are not used twice */

	size_t *chain; /* indexes into files of those that count, newest first */
	size_t chain_count;

	uint8_t *mem; /* the segment that was read last */
	uint64_t mem_cap;
	struct hy_bytes file;

	const struct found *tail;   /* where the replay ended; NULL: there was nothing */
	uint64_t end;               /* of the tail's good batches */
	struct log_batch_head last; /* the tail's last good batch; pos 0: it has none */
	bool end_mark;              /* stands behind it */
	uint64_t next_pos;
	bool damaged;
};

static int status_of(int rc)
{
	if (rc == 0)
		return HY_OK;
	return rc == -ENOSPC || rc == -EDQUOT ? HY_RESOURCE_EXHAUSTED : HY_UNAVAILABLE;
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static void note_name(void *arg, const char *name)
{
	struct recovery *r = arg;
	uint64_t number;
	if (log_segment_parse(name, &number)) {
		r->files = hy_realloc(r->files, (r->file_count + 1) * sizeof *r->files);
		r->files[r->file_count++] = (struct found){.number = number};
	} else if (log_spare_parse(name, &number)) {
		r->spares = hy_realloc(r->spares, (r->spare_count + 1) * sizeof *r->spares);
		r->spares[r->spare_count++] = number;
	} else {
		return;
	}
	r->max_number = HY_MAX(r->max_number, number);
}

static int look_at(struct recovery *r, struct found *f)
{
	struct env_file *file;
	char *path = log_segment_path(r->config->dir, f->number);
	int rc = env_file_open(r->env, path, ENV_OPEN_READ, &file);
	hy_free(path);
	if (rc)
		return rc;
	uint8_t block[LOG_SEGMENT_HEAD];
	ssize_t n = env_file_pread(file, block, sizeof block, 0);
	rc = n < 0 ? (int)n : env_file_size(file, &f->size);
	env_file_close(file);
	if (rc == 0)
		f->whole = log_segment_head_decode(hy_bytes(block, (size_t)n), &f->head) &&
			   f->head.number == f->number && f->head.epoch == r->config->epoch &&
			   f->size <= LOG_SEGMENT_MAX;
	return rc;
}

static int look_around(struct recovery *r)
{
	int rc = r->config->read_only ? 0 : dir_make(r->env, r->config->dir);
	if (rc == 0)
		rc = env_dir_list(r->env, r->config->dir, note_name, r);
	for (size_t i = 0; rc == 0 && i < r->file_count; i++)
		rc = look_at(r, &r->files[i]);
	/* They hold nothing that counts, but the room may be needed. */
	for (size_t i = 0; i < r->spare_count && !r->config->read_only; i++) {
		char *path = log_spare_path(r->config->dir, r->spares[i]);
		(void)env_unlink(r->env, path);
		hy_free(path);
	}
	return rc;
}

static int read_segment(struct recovery *r, const struct found *f)
{
	r->file = hy_bytes(NULL, 0);
	struct env_file *file;
	char *path = log_segment_path(r->config->dir, f->number);
	int rc = env_file_open(r->env, path, ENV_OPEN_READ, &file);
	hy_free(path);
	if (rc)
		return rc;
	uint64_t size = HY_MIN(f->size, (uint64_t)LOG_SEGMENT_MAX);
	if (size + 1 > r->mem_cap) {
		r->mem_cap = size + 1;
		hy_free(r->mem);
		r->mem = hy_alloc(r->mem_cap);
	}
	ssize_t n = env_file_pread(file, r->mem, size, 0);
	env_file_close(file);
	if (n < 0)
		return (int)n;
	r->file = hy_bytes(r->mem, (size_t)n);
	return 0;
}

/* ---- which segments count ---------------------------------------------------------------------------------------- */

static const struct found *find(const struct recovery *r, uint64_t number, size_t *ret_index)
{
	for (size_t i = 0; i < r->file_count; i++) {
		if (r->files[i].number == number) {
			*ret_index = i;
			return &r->files[i];
		}
	}
	return NULL;
}

/* Follows the log backwards from file `newest` until `from` is reached. False: *ret_broken is missing or harmed. */
static bool follow(struct recovery *r, size_t newest, uint64_t *ret_broken)
{
	r->chain_count = 0;
	size_t i = newest;
	const struct found *f = &r->files[i];
	*ret_broken = f->number;
	while (f && f->whole) {
		r->chain[r->chain_count++] = i;
		if (f->head.first_pos <= r->from + 1)
			return true;
		*ret_broken = f->head.prev_number ? f->head.prev_number : f->number;
		f = find(r, f->head.prev_number, &i);
	}
	return false;
}

static void note_damage(struct recovery *r, uint64_t segment, uint64_t offset)
{
	r->damaged = true;
	r->report->damaged_segment = segment;
	r->report->damaged_offset = offset;
}

/* With damage: the newest segment from which `from` can still be reached, for a repair. */
static void choose_chain(struct recovery *r)
{
	uint64_t broken;
	for (size_t i = r->file_count; i > 0; i--) {
		if (follow(r, i - 1, &broken))
			return;
		if (!r->damaged)
			note_damage(r, broken, 0);
	}
	r->chain_count = 0;
}

/* ---- replay ------------------------------------------------------------------------------------------------------ */

static bool replay_batch(struct recovery *r, const struct log_batch_head *h, struct hy_bytes payload)
{
	struct kt_log_report *report = r->report;
	uint64_t size = log_batch_size(h->payload_len);
	if (h->pos > r->from) {
		if (!r->replay(r->arg, h->pos, payload))
			return false;
		report->first_pos = report->first_pos ? report->first_pos : h->pos;
		report->batches++;
		report->bytes += size;
		log_index_add(r->index, h->pos, size);
	}
	r->next_pos = h->pos + 1;
	r->last = *h;
	return true;
}

/*
 * What cannot be read at r->end is of no account if the store behind has it: the first whole batch behind it that
 * leaves nothing above `from` out is where the replay goes on. False: there is none.
 */
static bool pass_over(struct recovery *r, uint64_t bound)
{
	struct log_batch_head h;
	struct hy_bytes payload;
	uint64_t at = r->end;
	while (r->next_pos <= r->from) {
		at = log_batch_find(r->file, at, r->config->epoch, r->tail->number);
		if (at == UINT64_MAX || !log_batch_decode(r->file, at, r->config->epoch, r->tail->number, &h, &payload))
			return false;
		uint64_t size = log_batch_size(h.payload_len);
		if (h.pos > r->from + 1 || at > bound || size > bound - at)
			return false;
		if (h.pos < r->next_pos) {
			at += size;
			continue;
		}
		env_log(r->env, ENV_LOG_WARN, "kt", 0,
			"the commit log is damaged in segment %llu at byte %llu, where nothing is needed any more",
			(unsigned long long)r->tail->number, (unsigned long long)r->end);
		env_mark(r->env, "log: passed over what is not needed");
		r->end = at;
		r->next_pos = h.pos;
		return true;
	}
	return false;
}

/* Is there a whole batch at r->end, and is it the next one? */
static bool next_batch(const struct recovery *r, uint64_t bound, struct log_batch_head *h, struct hy_bytes *payload)
{
	return log_batch_decode(r->file, r->end, r->config->epoch, r->tail->number, h, payload) &&
	       h->pos == r->next_pos && log_batch_size(h->payload_len) <= bound - r->end;
}

/* From the tail's beginning up to `bound`, as far as all is well; r->end says how far that was. */
static void replay_tail(struct recovery *r, uint64_t bound)
{
	struct log_batch_head h;
	struct hy_bytes payload;
	r->last.pos = 0;
	r->end_mark = false;
	for (r->end = LOG_SEGMENT_HEAD; r->end < bound; r->end += log_batch_size(h.payload_len)) {
		if (!next_batch(r, bound, &h, &payload) &&
			(!pass_over(r, bound) || !next_batch(r, bound, &h, &payload)))
			return;
		r->end_mark = h.kind == LOG_BATCH_END;
		if (r->end_mark)
			return;
		if (!replay_batch(r, &h, payload)) {
			note_damage(r, r->tail->number, r->end);
			return;
		}
	}
}

/* How much of a batch was begun behind the last whole one. */
static uint64_t torn_bytes(const struct recovery *r)
{
	uint64_t size;
	if (log_batch_claims(r->file, r->end, r->config->epoch, r->tail->number, &size))
		return HY_MIN(size, r->file.len - r->end);
	if (r->tail->head.recycled)
		return 0; /* old bytes: not to be told from torn ones */
	size_t last = r->file.len;
	while (last > r->end && r->file.data[last - 1] == 0)
		last--;
	return last > r->end ? last - r->end : 0;
}

/* The newest segment's open end: a whole batch behind what cannot be read means that the latter had been synced. */
static void judge_end(struct recovery *r)
{
	if (r->end_mark) {
		r->report->clean = true;
		return;
	}
	if (log_batch_find(r->file, r->end, r->config->epoch, r->tail->number) != UINT64_MAX) {
		note_damage(r, r->tail->number, r->end);
		return;
	}
	r->report->torn_bytes = torn_bytes(r);
	if (r->report->torn_bytes > 0)
		env_mark(r->env, "log: torn tail cut");
}

/* All segments of the chain, oldest first; ends early at damage. */
static int replay_chain(struct recovery *r)
{
	if (r->chain_count > 0)
		r->next_pos = r->files[r->chain[r->chain_count - 1]].head.first_pos;
	bool broken_before = r->damaged;
	for (size_t k = r->chain_count; k > 0; k--) {
		const struct found *f = &r->files[r->chain[k - 1]];
		const struct found *next = k > 1 ? &r->files[r->chain[k - 2]] : NULL;
		if (f->head.first_pos != r->next_pos) {
			note_damage(r, f->number, 0);
			return 0;
		}
		int rc = read_segment(r, f);
		if (rc)
			return rc;
		r->tail = f;
		r->damaged = false;
		replay_tail(r, next ? next->head.prev_end : r->file.len);
		if (!r->damaged && next && r->end != next->head.prev_end)
			note_damage(r, f->number, r->end);
		else if (!r->damaged && !next)
			judge_end(r);
		if (r->damaged)
			return 0;
	}
	r->damaged = broken_before;
	return 0;
}

static int replay_all(struct recovery *r)
{
	choose_chain(r);
	if (r->file_count == 0 && r->from > 0)
		note_damage(r, 0, 0);
	if (r->damaged && !r->config->repair)
		return 0;
	r->next_pos = r->from + 1;
	int rc = replay_chain(r);
	if (rc == 0 && !r->damaged && r->next_pos <= r->from) {
		/* A torn end is all there is behind what the store behind has: else it has more than its log ever had.
		 */
		if (r->report->torn_bytes == 0)
			note_damage(r, r->tail ? r->tail->number : 0, r->end);
		else
			env_log(r->env, ENV_LOG_WARN, "kt", 0,
				"the commit log ends in damage, where nothing is needed any more");
	}
	if (rc == 0 && r->next_pos <= r->from) {
		r->next_pos = r->from + 1;
		r->tail = NULL;
	}
	return rc;
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

/* What stands behind the damage, each position once. */
static int count_lost(struct recovery *r)
{
	struct kt_log_report *report = r->report;
	uint64_t seen = HY_MAX(r->from, r->next_pos ? r->next_pos - 1 : 0);
	for (size_t i = 0; i < r->file_count; i++) {
		const struct found *f = &r->files[i];
		if (f->number < report->damaged_segment)
			continue;
		int rc = read_segment(r, f);
		if (rc)
			return rc;
		uint64_t at = f->number == report->damaged_segment ? report->damaged_offset : 0;
		struct log_batch_head h;
		struct hy_bytes payload;
		while ((at = log_batch_find(r->file, at, r->config->epoch, f->number)) != UINT64_MAX) {
			if (!log_batch_decode(r->file, at, r->config->epoch, f->number, &h, &payload))
				break;
			uint64_t size = log_batch_size(h.payload_len);
			at += size;
			if (h.kind != LOG_BATCH_DATA || h.pos <= seen)
				continue;
			seen = h.pos;
			report->lost_batches++;
			report->lost_bytes += size;
		}
	}
	return 0;
}

/* ---- the segment that goes on ------------------------------------------------------------------------------------ */

/*
 * A file for it: smaller than usual when the disk is nearly full, so that a start does not fail where a trim would
 * help.
 */
static int make_spare(struct recovery *r, uint64_t number, uint64_t copy, struct log_spare *ret_spare)
{
	uint64_t least = LOG_SEGMENT_HEAD + copy + LOG_BATCH_HEAD;
	uint64_t size = HY_MAX(r->config->segment_bytes, least);
	least += HY_MIN(1u << 20, size - least);
	for (;;) {
		int rc = log_spare_begin(r->env, r->config->dir, number, size, ret_spare);
		if (rc == 0)
			rc = log_spare_fill(r->env, r->config->dir, ret_spare, size);
		if (status_of(rc) != HY_RESOURCE_EXHAUSTED || size == least)
			return rc;
		size = HY_MAX(size / 2, least) & ~7ull;
		env_mark(r->env, "log: begun small for want of disk");
	}
}

/* The last batch as it will stand first in segment `number`. hy_alloc'd. */
static uint8_t *copy_last(const struct recovery *r, uint64_t number)
{
	struct log_batch_head h = r->last;
	uint64_t size = log_batch_size(h.payload_len);
	uint8_t *copy = hy_zalloc(size);
	memcpy(copy + LOG_BATCH_HEAD, r->file.data + h.offset + LOG_BATCH_HEAD, h.payload_len);
	h.segment = number;
	h.offset = LOG_SEGMENT_HEAD;
	struct iovec piece = {copy + LOG_BATCH_HEAD, h.payload_len};
	log_batch_encode(&h, &piece, 1, copy);
	return copy;
}

static int go_on(struct recovery *r, struct log_segment *ret_segment)
{
	struct log_segment_head head = {
		.epoch = r->config->epoch, .number = r->max_number + 1, .first_pos = r->next_pos};
	uint8_t *copy = NULL;
	uint64_t copy_size = 0, durable_end = r->end;
	bool in_doubt = r->last.pos > 0 && !r->end_mark && !PLANTED(serve_before_recovery_sync);
	if (r->tail && in_doubt) {
		copy = copy_last(r, head.number);
		copy_size = log_batch_size(r->last.payload_len);
		head.first_pos = r->last.pos;
		durable_end = r->last.offset;
		env_mark(r->env, "log: last batch copied");
	}
	if (r->tail && durable_end > LOG_SEGMENT_HEAD) {
		head.prev_number = r->tail->number;
		head.prev_end = durable_end;
	} else if (r->tail) { /* nothing in it is surely durable, perhaps not even its name: it is void as a whole */
		head.prev_number = r->tail->head.prev_number;
		head.prev_end = r->tail->head.prev_end;
		env_mark(r->env, "log: segment voided");
	}
	struct log_spare spare;
	int rc = make_spare(r, head.number, copy_size, &spare);
	if (rc == 0)
		rc = log_segment_begin(r->env, r->config->dir, &spare, &head, hy_bytes(copy, copy_size), ret_segment);
	hy_free(copy);
	return rc;
}

/* Lists the segments that count; removes all others, now that what goes on without them is durable. */
static void tidy(struct recovery *r, struct log_recovered *ret)
{
	const struct log_segment_head *head = &ret->current.head;
	ret->live = hy_alloc((r->chain_count + 1) * sizeof *ret->live);
	uint64_t number = head->prev_number, last_pos = head->first_pos - 1, end = head->prev_end;
	for (size_t k = 0; k < r->chain_count; k++) {
		struct found *f = &r->files[r->chain[k]];
		if (f->number != number)
			continue;
		ret->live[ret->live_count++] = (struct log_live){number, last_pos, f->size, end};
		number = f->head.prev_number;
		end = f->head.prev_end;
		last_pos = f->head.first_pos - 1;
	}
	for (size_t i = 0; i < ret->live_count / 2; i++) {
		struct log_live *a = &ret->live[i], *b = &ret->live[ret->live_count - 1 - i], t = *a;
		*a = *b;
		*b = t;
	}
	for (size_t i = 0; i < r->file_count; i++) {
		bool live = false;
		for (size_t k = 0; k < ret->live_count; k++)
			live = live || ret->live[k].number == r->files[i].number;
		if (live)
			continue;
		char *path = log_segment_path(r->config->dir, r->files[i].number);
		(void)env_unlink(r->env, path);
		hy_free(path);
	}
	ret->live[ret->live_count++] = (struct log_live){head->number, UINT64_MAX, ret->current.size, 0};
}

int log_recover(struct env *env, const struct kt_log_config *config, uint64_t from, kt_log_replay_fn *replay, void *arg,
	struct log_index *index, struct log_recovered *ret, struct kt_log_report *ret_report)
{
	*ret_report = (struct kt_log_report){0};
	struct recovery r = {.env = env,
		.config = config,
		.from = from,
		.replay = replay,
		.arg = arg,
		.index = index,
		.report = ret_report};
	int rc = look_around(&r);
	r.chain = hy_alloc((r.file_count + 1) * sizeof *r.chain);
	if (rc == 0)
		rc = replay_all(&r);
	bool lost = rc == 0 && r.damaged;
	if (lost)
		rc = count_lost(&r);
	if (lost && rc == 0 && r.tail)
		rc = read_segment(&r, r.tail);
	int status = status_of(rc);
	if (status == HY_OK && lost && !config->repair)
		status = HY_DATA_LOSS;
	struct log_recovered found = {.last_pos = r.next_pos - 1};
	if (status == HY_OK && !config->read_only)
		status = status_of(go_on(&r, &found.current));
	if (status == HY_OK) {
		if (!config->read_only)
			tidy(&r, &found);
		ret_report->last_pos = found.last_pos;
		*ret = found;
		if (lost)
			env_mark(env, "log: repaired");
	}
	hy_free(r.files);
	hy_free(r.spares);
	hy_free(r.chain);
	hy_free(r.mem);
	return status;
}
