"""Finds a Chromium; as a program, installs one if there is none, and prints its path.

python -m tests.browser.chromium
"""

import os
import shutil
import subprocess
import sys

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoBrowser(Exception):
    """There is no Chromium, and none could be installed; the message names what to install."""


def chromium() -> str:
    """The path of a Chromium.

    Raises:
        NoBrowser: there is none.
    """
    named = os.environ.get("SHELFPORT_CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else _NAMES)), None)
    if found is None:
        raise NoBrowser(
            "no Chromium was found: install one (Debian: apt-get install chromium), or name it in "
            "SHELFPORT_CHROMIUM"
        )
    return found


def installed() -> str:
    """The path of a Chromium; it is installed first if Debian's packages are available.

    Raises:
        NoBrowser: there is none, and none could be installed.
    """
    try:
        return chromium()
    except NoBrowser:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            raise
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ("apt-get", "update", "-qq"),
        ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu"),
    ):
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise NoBrowser(
                f"{' '.join(command)} failed: {said[-1] if said else 'no reason given'}"
            )
    return chromium()


if __name__ == "__main__":
    try:
        print(installed())
    except NoBrowser as error:
        sys.exit(str(error))
