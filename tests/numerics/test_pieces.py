"""Pieces of words are counted and weighed as scikit-learn counts and weighs them, to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from tilth.numerics.pieces import PieceCounter

TEXTS = [
    "What is the capital of Yugoslavia ?",
    "how's  the\tweather in  Aßlar, Île-de-France or 東京?",
    "",
    "   ",
    "a",
    "İ I ı i",
    "the the THE the",
    "\ud800 lone surrogate",
]


def alike(texts, others, letters, *, least=1, common=None, most=None):
    given = {} if common is None else {"max_df": common}
    theirs = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=letters,
        sublinear_tf=True,
        min_df=least,
        max_features=most,
        dtype=np.float32,
        **given,
    )
    ours, table = PieceCounter.learned(texts, letters, least=least, common=common, most=most)
    for asked, wanted in ((table, theirs.fit_transform(texts)), (ours.transform(others), theirs.transform(others))):
        assert asked.shape == wanted.shape and asked.dtype == wanted.dtype == np.float32
        wanted.sort_indices()
        assert np.array_equal(asked.indptr, wanted.indptr) and np.array_equal(asked.indices, wanted.indices)
        assert np.allclose(asked.data, wanted.data, rtol=1e-6)  # lengths are summed in another order


@pytest.mark.parametrize("letters", [(1, 1), (2, 5), (3, 4), (5, 8), (1, 7)])
@pytest.mark.parametrize("bounds", [{}, {"least": 2}, {"common": 2}])
def test_the_table_is_that_of_scikit_learn(letters, bounds):
    alike(TEXTS, [*TEXTS, "weather of what was never seen: ж", ""], letters, **bounds)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("ab ñ東'", max_size=12), min_size=1, max_size=6),
    st.lists(st.text("abc ñ", max_size=12), max_size=4),
)
def test_any_texts_give_the_table_of_scikit_learn(texts, others):
    alike([*texts, "ab"], [*others, "x"], (2, 4))


def test_the_most_frequent_pieces_are_kept():
    texts = ["a" * times + "b" * (12 - times) for times in range(12)]
    alike(texts, [*texts, "c"], (1, 1), most=2)
    # "z" comes most often of all and in one text alone: it takes no place from those that count.
    alike(["ab z zz zzz zzzz", "ab c", "ab cc", "d ab"], ["abcdz"], (1, 1), least=2, most=4)


def test_of_equally_frequent_pieces_the_first_in_the_alphabet_is_kept():
    counter, _ = PieceCounter.learned(["dcba"], (1, 1), most=2)
    assert [counter.transform([letter]).nnz for letter in "abcd"] == [2, 1, 1, 1]  # a space, and then a


def test_pieces_that_do_not_count_are_not_held():
    dice = np.random.default_rng(0)
    texts = ["".join(dice.choice(list("abcdefghijklmnopqrst"), 300)) for _ in range(40)]
    counter, table = PieceCounter.learned(texts, (2, 5), most=100)
    assert table.shape[1] == 100 and counter.spelling.size < 250 and len(counter.column) == counter.spelling.size
    assert (counter.transform(texts) != table).nnz == 0


@pytest.mark.parametrize("texts", [[], [""], ["  ", "\n"], ["ab", "cd"]])
def test_where_no_piece_counts_that_is_said(texts):
    with pytest.raises(ValueError, match="no piece"):
        PieceCounter.learned(texts, (3, 3), least=2)
