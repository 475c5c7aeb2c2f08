// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** A thread whose result, or failure, the test gets. */
final class TestThread<T> {

  private final CompletableFuture<T> result = new CompletableFuture<>();
  private final Thread thread;

  private TestThread(String name, Callable<T> work) {
    thread =
        new Thread(
            () -> {
              try {
                result.complete(work.call());
              } catch (Throwable e) {
                result.completeExceptionally(e);
              }
            },
            name);
    thread.setDaemon(true);
  }

  static <T> TestThread<T> start(String name, Callable<T> work) {
    TestThread<T> started = new TestThread<>(name, work);
    started.thread.start();
    return started;
  }

  Thread thread() {
    return thread;
  }

  /** Waits for the thread's end; what it threw is thrown here. */
  T join() throws Exception {
    thread.join();
    try {
      return result.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception exception) {
        throw exception;
      }
      throw (Error) e.getCause();
    }
  }
}
