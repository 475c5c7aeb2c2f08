/* SPDX-License-Identifier: Apache-2.0 */
#include "core/patience.h"

struct patience_limits patience_limits = {.first_ns = 1000000, .longest_ns = 100000000};
