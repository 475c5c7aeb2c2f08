// SPDX-License-Identifier: Apache-2.0

/** How the benchmarks report: medians, ratios beside their bounds, tables, JSON and charts. */
package org.lwshm.benchmarks.report;
