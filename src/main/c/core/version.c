/* SPDX-License-Identifier: Apache-2.0 */
#include "lwshm/version.h"

const char *lwshm_version(void)
{
    return LWSHM_VERSION;
}

uint32_t lwshm_abi_version(void)
{
    return LWSHM_ABI_VERSION;
}
