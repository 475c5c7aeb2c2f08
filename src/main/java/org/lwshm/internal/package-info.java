// SPDX-License-Identifier: Apache-2.0

/** The back door from packages that build on {@code org.lwshm} into it. Not exported. */
package org.lwshm.internal;
