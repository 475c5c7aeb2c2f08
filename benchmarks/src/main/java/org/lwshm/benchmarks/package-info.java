// SPDX-License-Identifier: Apache-2.0

/** What runs the benchmarks: one class a make target, and the contest that they have in common. */
package org.lwshm.benchmarks;
