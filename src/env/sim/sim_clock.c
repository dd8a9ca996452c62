/*
 * The clocks and the standstills: the fault model.
 *
 * May happen: each machine's monotonic clock runs off by a constant of up to `clock_drift_ppm`, drawn at boot, and
 * counts from another point after each power cut. The wall clock follows it and jumps by up to an hour, either way
 * (`clock_jump`: somebody set it, or NTP did). A loop or an actor stands still for up to two seconds (`pause`: the
 * scheduler, a page fault, a virtual machine that is moved): then all its timers are late at once, and what others sent
 * has piled up. Never: the monotonic clock goes back, or stands while others' run. Time does not pass within a turn.
 * The product must survive it, since tickets, duplicate windows and time-outs rest on clocks that nobody promises: a
 * floor that followed the wall clock backwards would let an old message in again (S5), and a deadline in wall time
 * would fire at a jump.
 */
#include "env/sim/sim_int.h"

enum { PPM = 1000000, ASK_MAX_S = 60 };
#define WALL_START_US (1750000000ull * SEC_US)

void sim_clock_boot(struct sim_machine *m)
{
	struct sim *s = m->sim;
	uint64_t drift = s->faults.clock_drift_ppm;
	m->clock.boot_at = s->now;
	m->clock.mono_base = sim_range(s, 10 * SEC_US, 100 * SEC_US);
	m->clock.ppm = drift ? (int32_t)sim_range(s, 0, 2 * drift) - (int32_t)drift : 0;
	m->clock.wall_checked_s = s->now / SEC_US;
}

/* Rounded down, so that sim_time_of_mono() rounds up. */
static uint64_t elapsed_of(const struct sim_machine *m)
{
	uint64_t real = m->sim->now - m->clock.boot_at;
	if (m->clock.ppm == 0)
		return real;
	return (uint64_t)((unsigned __int128)real * (uint64_t)(PPM + m->clock.ppm) / PPM);
}

uint64_t sim_mono(const struct sim_machine *m)
{
	return m->clock.mono_base + elapsed_of(m);
}

uint64_t sim_time_of_mono(const struct sim_machine *m, uint64_t mono_us)
{
	const struct sim_clock *c = &m->clock;
	if (mono_us <= c->mono_base)
		return c->boot_at;
	uint64_t elapsed = mono_us - c->mono_base;
	if (elapsed > UINT64_MAX / 4)
		return UINT64_MAX;
	if (c->ppm == 0)
		return c->boot_at + elapsed;
	uint64_t rate = (uint64_t)(PPM + c->ppm);
	return c->boot_at + (uint64_t)(((unsigned __int128)elapsed * PPM + rate - 1) / rate);
}

uint64_t env_mono_us(struct env *env)
{
	return sim_mono(env->machine);
}

/* How many of the seconds since the last question had the fault. */
static unsigned ask_seconds(struct sim *s, uint64_t *checked_s, unsigned per_mille)
{
	uint64_t now_s = s->now / SEC_US;
	unsigned hits = 0;
	if (per_mille && now_s > *checked_s)
		for (uint64_t n = HY_MIN(now_s - *checked_s, (uint64_t)ASK_MAX_S); n > 0; n--)
			hits += sim_chance(s, per_mille);
	*checked_s = now_s;
	return hits;
}

uint64_t env_wall_ms(struct env *env)
{
	struct sim *s = env->sim;
	struct sim_clock *c = &env->machine->clock;
	if (ask_seconds(s, &c->wall_checked_s, s->faults.clock_jump)) {
		int64_t jump = (int64_t)sim_tail(s, 3600 * SEC_US);
		bool back = sim_chance(s, 500);
		c->wall_offset_us += back ? -jump : jump;
	}
	uint64_t at_boot = WALL_START_US + c->boot_at;
	return (uint64_t)((int64_t)(at_boot + elapsed_of(env->machine)) + c->wall_offset_us) / 1000;
}

uint64_t sim_pause(struct sim *s, uint64_t *checked_s)
{
	return ask_seconds(s, checked_s, s->faults.pause) ? sim_tail(s, 2 * SEC_US) : 0;
}

/* ---- randomness as a process sees it --------------------------------------------------------------------------- */

void env_random(struct env *env, void *p, size_t len)
{
	uint8_t *out = p;
	while (len > 0) {
		uint64_t r = sim_rand(env->sim);
		size_t n = HY_MIN(len, sizeof r);
		memcpy(out, &r, n);
		out += n;
		len -= n;
	}
}

uint64_t env_rand64(struct env *env)
{
	return sim_rand(env->sim);
}

uint64_t env_cpu_us(struct env *env)
{
	(void)env;
	return 0;
}
