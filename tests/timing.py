"""With `--durations`, also the seconds that the tests of every folder took, over all workers."""

from collections import Counter
from pathlib import Path

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not terminalreporter.config.getoption("durations"):
        return
    seconds, tests = Counter(), Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = str(Path(report.location[0]).parent)
                seconds[folder] += report.duration
                tests[folder] += report.when == "call"
    terminalreporter.section("seconds per folder")
    for folder, spent in seconds.most_common():
        terminalreporter.write_line(f"{spent:7.1f} s  {tests[folder]:5d} tests  {folder}")
    terminalreporter.write_line(f"{seconds.total():7.1f} s  {tests.total():5d} tests  all")
