"""Ids in text format, for hypothesis."""

import string

from hypothesis import strategies as st

from shelfport import ProductVariantId

_GRAPHIC = "".join(map(chr, range(0x21, 0x7F)))
ESCAPED = "".join(sorted(set(_GRAPHIC) - set(string.ascii_letters + string.digits + "-._~,")))
"""The characters that an address has in another form, without the comma."""


def text_ids(*, min_size: int = 1) -> st.SearchStrategy[ProductVariantId]:
    """Ids of `min_size` to 128 characters that a request for several may have: without a comma."""
    alphabets = st.sampled_from([_GRAPHIC.replace(",", ""), ESCAPED, ".%/", string.digits])
    texts = alphabets.flatmap(lambda alphabet: st.text(alphabet, min_size=min_size, max_size=128))
    return texts.filter(lambda text: text not in {".", ".."}).map(ProductVariantId)
