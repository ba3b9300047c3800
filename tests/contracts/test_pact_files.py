from pathlib import Path

import msgspec
import pytest

from shelfport.contracts.pact_files import packaged_pacts, read_pacts, renamed

PACT = '{"consumer": {"name": "c"}, "provider": {"name": "p"}, "interactions": [%s]}'


def test_the_packaged_pact() -> None:
    """The wheel has a pact file whose interactions have unique descriptions."""
    with packaged_pacts() as pacts:
        assert ["shelfport-inventory-service.json"] == [path.name for path in pacts.paths]
        assert len(pacts.descriptions) == len(set(pacts.descriptions)) > 20


def test_a_folder(tmp_path: Path) -> None:
    """A folder gives its pact files, a file gives itself."""
    for name in ("b", "a"):
        (tmp_path / f"{name}.json").write_text(PACT % f'{{"description": "{name}"}}')
    (tmp_path / "c.txt").write_text("no pact")

    assert ["a", "b", "b"] == read_pacts([tmp_path, tmp_path / "b.json"]).descriptions


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "the pact file {path} cannot be read: No such file or directory"),
        ("{", "{path} is not a pact: a JSON object with consumer, provider and interactions: "),
        ('{"consumer": {"name": "c"}}', "{path} is not a pact: "),
        (PACT % "", "the pact file {path} has no interactions: there is nothing to verify"),
        ("\udcff", "{path} is not a pact: "),
    ],
    ids=["missing", "cut off", "something else", "empty", "no text"],
)
def test_what_is_no_pact(tmp_path: Path, content: str | None, sentence: str) -> None:
    """A file that is no pact is refused in one sentence that names it."""
    path = tmp_path / "pact.json"
    if content is not None:
        path.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(ValueError, match="pact") as caught:
        read_pacts([path])
    assert str(caught.value).startswith(sentence.format(path=path))


def test_a_folder_without_pacts(tmp_path: Path) -> None:
    """A folder without pacts is refused."""
    with pytest.raises(ValueError, match="has no pact files"):
        read_pacts([tmp_path])


def test_another_consumer_s_name(tmp_path: Path) -> None:
    """A pact under another consumer's name has the same content."""
    path = tmp_path / "pact.json"
    path.write_text(PACT % '{"description": "é"}')
    original, other = (
        msgspec.json.decode(path.read_bytes()),
        msgspec.json.decode(renamed(path, "shop")),
    )

    assert original | {"consumer": {"name": "shop"}} == other
