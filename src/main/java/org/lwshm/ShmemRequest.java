// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * Takes what a {@link ShmemSubsystem} needs, while its {@code request} runs.
 *
 * <p>Every method throws {@link IllegalStateException} once that has returned, {@link
 * IllegalArgumentException} for a name or number that breaks its rule, or for a name that was
 * requested before, by whomever.
 *
 * <p>Source: PostgreSQL's {@code RequestAddinShmemSpace} (src/backend/storage/ipc/ipci.c) and
 * {@code RequestNamedLWLockTranche} (src/backend/storage/lmgr/lwlock.c).
 */
public final class ShmemRequest {

  private final ShmemPlan plan;
  private final String owner;
  private boolean over;

  ShmemRequest(ShmemPlan plan, String owner) {
    this.plan = plan;
    this.owner = owner;
  }

  /**
   * Asks for a named area.
   *
   * @param name its name, 1 to 47 bytes of UTF-8
   * @param size bytes, 1 or more
   */
  public void struct(String name, long size) {
    requirePhase();
    plan.struct(owner, name, size);
  }

  /**
   * Asks for a named array of locks.
   *
   * @param name its name, 1 to 63 bytes of UTF-8
   * @param locks how many, 1 or more
   */
  public void tranche(String name, int locks) {
    requirePhase();
    plan.tranche(owner, name, locks);
  }

  /**
   * Asks for seats for locking threads, besides those that others ask for.
   *
   * @param count how many
   */
  public void backends(int count) {
    requirePhase();
    plan.backends(owner, count);
  }

  /**
   * Asks that one backend may hold as many locks at once; the largest such number counts.
   *
   * @param count how many
   */
  public void heldLocks(int count) {
    requirePhase();
    plan.heldLocks(owner, count);
  }

  /**
   * Asks for room for areas that are made later, each of which takes its size rounded up to 64.
   *
   * @param count bytes
   */
  public void bytes(long count) {
    requirePhase();
    plan.bytes(owner, count);
  }

  void end() {
    over = true;
  }

  private void requirePhase() {
    if (over) {
      throw new IllegalStateException(
          "the request phase of \""
              + owner
              + "\" is over: ask in ShmemSubsystem.request(), before the segment is made");
    }
  }
}
