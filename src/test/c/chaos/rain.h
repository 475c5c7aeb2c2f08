/*
 * rain.h - signals that disturb whatever a process is doing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAIN_H
#define RAIN_H

/* From now on this process gets a signal every CHAOS_SIGNAL_US microseconds, if the environment says
   so; every second process with SA_RESTART. */
void let_signals_rain(void);

#endif
