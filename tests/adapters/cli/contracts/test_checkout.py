import subprocess
from pathlib import Path

import pytest

from shelfport.adapters.cli.contracts.checkout import commit_here, version_here
from shelfport.adapters.cli.running import Misuse
from shelfport.contracts.broker import Version

VARIABLES = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "BUILDKITE_BRANCH")


def git(*arguments: str) -> str:
    named = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *named, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A git checkout with one commit on the branch `trunk`; the commit."""
    for name in (*VARIABLES, "CIRCLE_BRANCH", "BRANCH_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "trunk")
    git("commit", "--quiet", "--allow-empty", "--message", "one")
    return git("rev-parse", "HEAD")


def test_git_knows(checkout: str) -> None:
    """By default, commit and branch are those of the checkout."""
    assert Version(number=checkout, branch="trunk") == version_here(None, None, None)


def test_what_is_given_wins(checkout: str) -> None:
    """Given values win over git."""
    given = Version(number="1.2", branch="feature", build_url="http://ci/1")
    assert given == version_here("1.2", "feature", "http://ci/1")


def test_a_build_without_a_branch(checkout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a commit without a branch is checked out, the build server's variable names the branch."""
    git("checkout", "--quiet", "--detach")
    none = version_here(None, None, None)
    monkeypatch.setenv("CI_COMMIT_REF_NAME", "feature")
    known = version_here(None, None, None)

    assert (None, "feature") == (none.branch, known.branch)


def test_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a checkout the version must be given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(Misuse, match=r"^the version is not known: "):
        commit_here(None)


def test_no_git(checkout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git the version must be given."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Misuse, match=r"^the version is not known: "):
        commit_here(None)
