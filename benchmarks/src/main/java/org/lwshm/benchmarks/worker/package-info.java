// SPDX-License-Identifier: Apache-2.0

/** The JVM that measures locks, and the lines that it exchanges with the driver. */
package org.lwshm.benchmarks.worker;
