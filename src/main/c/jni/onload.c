/*
 * onload.c - refuses a Java side and a core that do not belong together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <jni.h>

#include "lwshm/version.h"

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved)
{
    (void)vm;
    (void)reserved;
    return lwshm_abi_version() == LWSHM_ABI_VERSION ? JNI_VERSION_10 : JNI_ERR;
}
