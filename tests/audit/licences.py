"""The licences of everything that the package needs at run time, its extras included.

Ends with 1 if one is not known to be permissive: unknown, copyleft, or to be looked at by a person.
"""

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

PERMISSIVE = re.compile(
    r"(MIT|MIT-0|MIT License|BSD|BSD License|BSD-[23]-Clause|Apache-2\.0|Apache Software License"
    r"|Apache License 2\.0|Apache 2\.0|ISC|PSF-2\.0|Python Software Foundation License|Unlicense)"
)
WEAK_COPYLEFT_LOOKED_AT: dict[str, str] = {}
"""By name: why it may be used all the same."""


def needed(name: str, seen: dict[str, Distribution]) -> None:
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return  # of another platform or extra
    seen[key] = found
    for requirement in found.requires or ():
        if key != "shelfport" and "extra ==" in requirement:
            continue
        wanted = re.match(r"[A-Za-z0-9._-]+", requirement)
        if wanted is not None:
            needed(wanted.group(), seen)


def licences_of(found: Distribution) -> list[str]:
    """By PEP 639 if it says so, else by its classifiers, else by its free text."""
    metadata = found.metadata
    expression = metadata.json.get("license_expression")
    if expression:
        return re.split(r"\s+(?:AND|OR)\s+", str(expression).strip("()"))
    classifiers = [
        line.rsplit(" :: ", 1)[1]
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License :: ") and line.count(" :: ") > 1
    ]
    return classifiers or [str(metadata.json.get("license") or "unknown").splitlines()[0]]


def main() -> int:
    seen: dict[str, Distribution] = {}
    needed("shelfport", seen)
    bad = 0
    for name, found in sorted(seen.items()):
        licences = licences_of(found)
        fine = all(PERMISSIVE.fullmatch(one) for one in licences) or name in WEAK_COPYLEFT_LOOKED_AT
        bad += not fine
        warning = "" if fine else "NOT KNOWN TO BE PERMISSIVE: "
        print(f"{warning}{name} {found.version}: {', '.join(licences)}")
    print(f"{len(seen)} packages, {bad} of a licence that is not known to be permissive")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
