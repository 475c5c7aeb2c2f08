// SPDX-License-Identifier: Apache-2.0

/** What jcstress tries to break: the lock's paths in Java, and against those in C. */
package org.lwshm.stress;
