// SPDX-License-Identifier: Apache-2.0

/**
 * What runs the benchmarks and tells the results: measurements in rounds, medians, ratios with
 * their goals, tables, JSON and charts.
 */
package org.lwshm.benchmarks;
