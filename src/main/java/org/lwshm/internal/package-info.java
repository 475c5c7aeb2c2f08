// SPDX-License-Identifier: Apache-2.0

/** What packages that build on {@code org.lwshm} share with it. Not exported. */
package org.lwshm.internal;
