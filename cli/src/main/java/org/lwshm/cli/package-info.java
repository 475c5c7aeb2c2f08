// SPDX-License-Identifier: Apache-2.0

/**
 * The {@code lwshm} command: {@link org.lwshm.cli.Lwshm} and a class for each of its commands.
 *
 * <p>It is a user of the library like any other, and knows only its public packages.
 */
package org.lwshm.cli;
