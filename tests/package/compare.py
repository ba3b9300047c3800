"""Compare a wheel with the checkout: the façade and every file of the four folders, no other.

Usage: python compare.py WHEEL CHECKOUT
"""

import sys
import zipfile
from pathlib import Path

FOLDERS = ("domain", "ports", "adapters", "contracts")


def main(wheel: Path, checkout: Path) -> str | None:
    """None if they agree, else what differs."""
    facade = checkout / "src" / "shelfport"
    expected = {f"shelfport/{path.name}" for path in facade.iterdir() if path.is_file()} | {
        f"shelfport/{path.relative_to(checkout).as_posix()}"
        for folder in FOLDERS
        for path in (checkout / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected.add("pytest_shelfport.py")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    if packed == expected:
        sys.stdout.write(f"{wheel.name}: all {len(packed)} files of the package, no others\n")
        return None
    return (
        f"missing in the wheel: {sorted(expected - packed)}; too many: {sorted(packed - expected)}"
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
