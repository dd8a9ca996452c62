/**
 * sim_machine.h - the end of a machine, for sim.c.
 */
#ifndef ENV_SIM_MACHINE_H
#define ENV_SIM_MACHINE_H

struct sim_machine;

/** Its process, its disk and what others attached to it go. */
void sim_machine_discard(struct sim_machine *m);

#endif
