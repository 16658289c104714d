"""The audit of the installed packages passes nothing that it has not seen."""

import pytest

packaging = pytest.importorskip("packaging")

from tests.reliability.audit import Report, judge_licences, judge_versions, judge_vulnerabilities  # noqa: E402


def vulnerabilities(rows):
    report = Report()
    judge_vulnerabilities(rows, report)
    return report


def test_without_an_answer_of_the_service_nothing_passes():
    for rows in (None, [], [{"name": "numpy", "skip_reason": "not found"}]):
        report = vulnerabilities(rows)
        assert report.code == 3
        assert "NOT AUDITED" in report.not_audited[0]


def test_a_vulnerability_is_named_and_a_skipped_package_is_not_fine():
    good = {"name": "numpy", "version": "2.0", "vulns": []}
    assert vulnerabilities([good, {"name": "ovsam", "skip_reason": "local"}]).code == 0
    assert vulnerabilities([good, {"name": "lvis", "skip_reason": "not found"}]).code == 3
    bad = {"name": "pillow", "version": "1.0", "vulns": [{"id": "CVE-1"}]}
    report = vulnerabilities([good, bad])
    assert (report.code, report.found) == (1, ["pillow 1.0: CVE-1"])


@pytest.mark.parametrize(
    ("name", "licence", "code"),
    [
        ("a", "MIT License", 0), ("a", "Apache-2.0 OR BSD-2-Clause", 0), ("a", "MPL-2.0", 0), ("a",
        "UNKNOWN", 3),
        ("a", "GPL-3.0-only", 1), ("a", "GNU Affero General Public License v3", 1), ("a", "LGPL-2.1", 1),
        ("a", "CC-BY-NC-4.0", 1), ("lvis", "UNKNOWN", 0), ("nvidia-cublas",
        "LicenseRef-NVIDIA-Proprietary", 0),
        ("a", "Other/Proprietary License", 3),
    ],
)  # fmt: skip
def test_licences_are_sorted(name, licence, code):
    report = Report()
    judge_licences([{"Name": name, "License": licence}], report)
    assert report.code == code


def test_versions_are_those_that_are_pinned():
    lines = ["numpy==2.0", 'regex==1.0; python_version < "3.11"', 'regex==2.0; python_version >= "3.11"']
    for installed, told in {
        ("numpy", "2.0"): [], ("regex", "2.0"): [], ("ovsam", "0.1"): [],
        ("numpy", "2.1"): ["numpy 2.1 is installed, pinned is ==2.0"],
        ("regex", "1.0"): ["regex 1.0 is installed, pinned is ==2.0"],
        ("left-pad", "1"): ["left-pad 1 is installed but not pinned"],
    }.items():  # fmt: skip
        report = Report()
        judge_versions(dict([installed]), "3.11.7", lines, report)
        assert report.found == told
