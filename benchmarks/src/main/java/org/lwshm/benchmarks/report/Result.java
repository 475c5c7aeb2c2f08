// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import java.util.List;

/**
 * What was measured of one thing.
 *
 * @param name what it is
 * @param unit of the numbers
 * @param median of the rounds
 * @param least of the rounds
 * @param most of the rounds
 * @param rounds the values, in the order of the rounds
 */
public record Result(
    String name, String unit, double median, double least, double most, List<Double> rounds) {}
