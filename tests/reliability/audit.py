"""Audits what is installed: known vulnerabilities, licences, and versions other than the pinned ones.

    make audit                                                   # in an environment of its own
    python tests/reliability/audit.py --python .venv/bin/python  # needs pip-audit and pip-licenses

Vulnerabilities are asked of PyPI by pip-audit, which needs a network. A package that the service does
not know counts as not audited, and without an answer nothing passes: the exit code is 0 where all is
well, 1 where something was found, 3 where nothing was found but not everything could be audited.
"""

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"
OWN = "ovsam"
#: Words of licences that allow use, change and redistribution without opening one's own code.
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|FreeBSD|Zlib|Unlicense|CC0|0BSD|HPND)\b",
    re.I,
)
#: Licences that bind only their own files, and do not reach the code beside them.
WEAK = re.compile(r"\b(MPL|Mozilla Public License)\b", re.I)
STRICT = re.compile(r"\b(AGPL|GPL|LGPL|GNU|SSPL|EUPL|non-?commercial|CC-BY-NC)\b", re.I)
#: What packages of unclear metadata are under, read from their repositories.
KNOWN = {
    "lvis": "BSD-2-Clause (its repository; the package states none)",
    "segment-anything": "Apache-2.0 (its repository; the package states none)",
}
#: NVIDIA's libraries, which torch brings: free to use, closed.
CLOSED = re.compile(r"nvidia-|cuda-toolkit$")


@dataclass
class Report:
    """What was found.

    Attributes:
        found: problems.
        not_audited: what nothing is known of.
    """

    found: list[str] = field(default_factory=list)
    not_audited: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """Exit code."""
        return 1 if self.found else 3 if self.not_audited else 0


def judge_licences(rows: list[dict[str, str]], report: Report) -> None:
    """Sort the licences of pip-licenses' rows."""
    kinds = {"permissive": 0, "weak": 0, "closed": 0}
    for row in rows:
        name = canonicalize_name(row["Name"])
        text = KNOWN.get(name, row["License"])[:200]
        if CLOSED.match(name):
            kinds["closed"] += 1
        elif STRICT.search(text):
            report.found.append(f"licence of {name}: {text}")
        elif WEAK.search(text):
            kinds["weak"] += 1
        elif PERMISSIVE.search(text):
            kinds["permissive"] += 1
        else:
            report.not_audited.append(f"licence of {name}: {text!r}")
    report.counts |= {f"licences_{kind}": number for kind, number in kinds.items()}


def judge_vulnerabilities(rows: list[dict[str, Any]] | None, report: Report) -> None:
    """Sort pip-audit's rows; None = it gave no answer. pip-audit itself calls skipped packages fine."""
    known = [row for row in rows or [] if "vulns" in row]
    skipped = [row["name"] for row in rows or [] if "vulns" not in row and row["name"] != OWN]
    for row in known:
        report.found += [f"{row['name']} {row['version']}: {flaw['id']}" for flaw in row["vulns"]]
    if rows is None or not known:
        report.not_audited.append("vulnerabilities: NOT AUDITED, no service could be asked")
    elif skipped:
        report.not_audited.append(f"vulnerabilities of {len(skipped)}: {', '.join(skipped)}")
    report.counts |= {"vulnerabilities_audited": len(known), "vulnerabilities_skipped": len(skipped)}


def judge_versions(installed: dict[str, str], python: str, lines: list[str], report: Report) -> None:
    """Compare installed versions with the pinned ones.

    Args:
        installed: name -> version.
        python: version of the environment.
        lines: of the constraints.
    """
    wanted = {}
    for requirement in map(Requirement, lines):
        environment = {"python_version": ".".join(python.split(".")[:2]), "python_full_version": python}
        if requirement.marker is None or requirement.marker.evaluate(environment):
            wanted[canonicalize_name(requirement.name)] = requirement.specifier
    for name, version in sorted(installed.items()):
        if name in (OWN, "pip"):  # pip comes with Python
            continue
        if name not in wanted:
            report.found.append(f"{name} {version} is installed but not pinned")
        elif not wanted[name].contains(version, prereleases=True):
            report.found.append(f"{name} {version} is installed, pinned is {wanted[name]}")
    report.counts["installed"] = len(installed)


def _asked(*command: str) -> Any:
    """JSON of a command; None where it gives none."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        print(done.stderr[-500:], file=sys.stderr)
        return None


def main() -> int:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="of the audited environment")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    report, here = Report(), sys.executable
    code = (
        "import importlib.metadata as m, json, platform as p, sysconfig as s; print(json.dumps(["
        "{d.name: d.version for d in m.distributions()}, p.python_version(), s.get_path('purelib')]))"
    )
    installed, python, folder = _asked(args.python, "-c", code)
    names = {canonicalize_name(name): version for name, version in installed.items()}
    judge_versions(names, python, CONSTRAINTS.read_text().splitlines(), report)
    licences = _asked(
        here, "-m", "piplicenses", "--python", args.python, "--from=mixed", "--format=json"
    )
    if licences is None:
        report.not_audited.append("licences: NOT AUDITED, pip-licenses gave no answer")
    judge_licences(licences or [], report)
    quiet = ("--format=json", "--progress-spinner=off", "--timeout=15")
    audited = _asked(here, "-m", "pip_audit", "--path", folder, *quiet)
    judge_vulnerabilities(None if audited is None else audited["dependencies"], report)
    found = {"counts": report.counts, "found": report.found, "not_audited": report.not_audited}
    print(json.dumps(found, indent=None if args.json else 1))
    print({0: "all is well", 1: "FOUND", 3: "NOT FULLY AUDITED"}[report.code], file=sys.stderr)
    return report.code


if __name__ == "__main__":
    sys.exit(main())
