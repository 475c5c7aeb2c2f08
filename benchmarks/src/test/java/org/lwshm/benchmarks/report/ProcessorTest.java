// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProcessorTest {

  private static Processor named(String vendor, String model) {
    return new Processor(
        Map.of(
            "vendor_id",
            vendor,
            "model name",
            model,
            "cpu family",
            "6",
            "model",
            "167",
            "stepping",
            "1"));
  }

  @Test
  void aModelWithANumberNamesTheFolder() {
    assertEquals(
        "intel-xeon-platinum-8375c",
        named("GenuineIntel", "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz").slug());
    assertEquals("amd-epyc-7763", named("AuthenticAMD", "AMD EPYC 7763 64-Core Processor").slug());
  }

  @Test
  void aBareModelIsToldApartByItsNumbers() {
    assertEquals("intel-xeon-6-167-1", named("GenuineIntel", "Intel(R) Xeon(R) Processor").slug());
    assertEquals("amd-epyc-6-167-1", named("AuthenticAMD", "AMD EPYC").slug());
  }

  @Test
  void theVendorStandsInTheNameOfABareModel() {
    assertEquals("intel-virtual-6-167-1", named("GenuineIntel", "Virtual CPU").slug());
    assertEquals("otherchips-virtual-6-167-1", named("OtherChips", "Virtual CPU").slug());
  }

  @Test
  void aProcessorOfArmIsNamedByItsNumbers() {
    Processor arm =
        Processor.parse(
            List.of(
                "processor\t: 0",
                "CPU implementer\t: 0x41",
                "CPU variant\t: 0x3",
                "CPU part\t: 0xd0c",
                "CPU revision\t: 1"));
    assertEquals("unknown-0x41-0xd0c-0x3-1", arm.slug());
  }

  @Test
  void onlyTheFirstProcessorIsRead() {
    Processor first =
        Processor.parse(List.of("model name\t: A: 1", "flags\t\t:", "", "model name\t: B 2"));
    assertEquals("A: 1", first.model());
  }
}
