"""The version and the branch of the git checkout that a command runs in."""

import os
import subprocess
from typing import Final

from shelfport.adapters.cli.running import Misuse
from shelfport.contracts.broker import Version

# A build often checks out a commit without a branch; its server sets a variable then.
_BRANCH_VARIABLES: Final = (
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_COMMIT_REF_NAME",
    "BUILDKITE_BRANCH",
    "CIRCLE_BRANCH",
    "BRANCH_NAME",
)


def version_here(number: str | None, branch: str | None, build_url: str | None) -> Version:
    """The given version and branch, or else those of this checkout.

    Raises:
        Misuse: no number is given, and there is no git commit.
    """
    return Version(number=commit_here(number), branch=branch or _branch_here(), build_url=build_url)


def commit_here(given: str | None) -> str:
    """The given version, or else the commit of this checkout.

    Raises:
        Misuse: there is none of them.
    """
    found = given or _git("rev-parse", "--verify", "--quiet", "HEAD")
    if found is None:
        raise Misuse(
            "the version is not known: give it as an option, or run this in a git checkout "
            "with a commit"
        )
    return found


def _branch_here() -> str | None:
    named = _git("symbolic-ref", "--short", "--quiet", "HEAD")
    return named or next((os.environ[n] for n in _BRANCH_VARIABLES if os.environ.get(n)), None)


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - arguments of our own
            ["git", *arguments],  # noqa: S607 - the git of the caller's PATH
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
