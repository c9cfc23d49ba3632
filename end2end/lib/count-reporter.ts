// Ends a run with one plain line, so that a log shows how many journeys ran.
import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

export default class CountReporter implements Reporter {
  private readonly outcomes = new Map<TestCase, TestResult["status"]>();

  onTestEnd(test: TestCase, result: TestResult): void {
    this.outcomes.set(test, result.status);
  }

  async onEnd(_result: FullResult): Promise<void> {
    const count = (wanted: (status: TestResult["status"]) => boolean) => [...this.outcomes.values()].filter(wanted).length;
    const passed = count((status) => status === "passed");
    const skipped = count((status) => status === "skipped");
    const failed = this.outcomes.size - passed - skipped;
    process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  }
}
