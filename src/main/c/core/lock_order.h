/*
 * lock_order.h - the order in which this process locks tranches.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LOCK_ORDER_H
#define LWSHM_CORE_LOCK_ORDER_H

#include "core/handle.h"

/* Notes that the backend acquires `lock` while it holds what it holds; LWSHM_E_LOCK_ORDER if
   that contradicts what was noted before.  Only if the segment has a lock_order. */
int lock_order_check(const lwshm_backend *backend, uint64_t lock);

#endif
