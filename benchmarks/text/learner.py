"""The learner of texts beside others on the same counts, and beside what it was: accuracy, loss, calibration, seconds.

    python benchmarks/text/learner.py [--data PATH] [--sets TREC CLINC150 banking] [--per 10 50 0] [--noise 0 0.2] [--seeds 0 1 2]

Measured on a fifth of the *train* texts that is held out: the test split was not looked at while the default was chosen.
Resumable: rows that are in learner.json are not made again.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from reading import classes_of, few, keep, kept, rows

from tilth.numerics import text_linear
from tilth.numerics.text_linear import counted, fitted_texts, learned_counters

HERE = Path(__file__).parent
Array = Any


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--sets", nargs="+", default=["TREC", "CLINC150", "banking"])
    asked.add_argument("--per", type=int, nargs="+", default=[10, 50, 0])
    asked.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.2])
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked.add_argument("--methods", nargs="+", default=list(METHODS))
    args = asked.parse_args()
    file = HERE / "learner.json"
    results = kept(file)
    done = {tuple(row[key] for key in ("set", "per", "noise", "seed", "method")) for row in results["rows"]}
    for case in ((s, p, n, r) for s in args.sets for p in args.per for n in args.noise for r in args.seeds):
        for method in args.methods:
            if (*case, method) in done or (case[0] == "banking" and (case[2] or method not in MULTI)):
                continue
            row = dict(zip(("set", "per", "noise", "seed", "method"), (*case, method), strict=True))
            row |= measured(*case, method, args.data)
            print(row, flush=True)
            results["rows"].append(row)
            keep(file, results)


def measured(name: str, per: int, noise: float, seed: int, method: str, where: Path) -> dict[str, Any]:
    every, _, _ = rows(name, where)
    classes, rng = classes_of(every), np.random.default_rng(seed)
    order = rng.permutation(len(every))
    held = [every[at] for at in order[: len(every) // 5]]
    train = few([every[at] for at in sorted(order[len(every) // 5 :])], per, seed)
    targets, truth = hot(train, classes), hot(held, classes)
    wrong = rng.random(len(train)) < noise
    own = (targets.argmax(1) + rng.integers(1, len(classes), len(train))) % len(classes)
    targets[wrong] = np.eye(len(classes))[own[wrong]]
    fitted_texts(["rain", "bread"] * 30, np.tile(np.eye(2), (30, 1)), multi=False)  # loads and compiles what is needed
    began, clock = time.process_time(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = METHODS[method]([text for text, _ in train], targets, [text for text, _ in held], name == "banking")
    return {
        "texts": len(train),
        **quality(p, truth, multi=name == "banking"),
        "cpu_s": round(time.process_time() - began, 2),
        "clock_s": round(time.perf_counter() - clock, 2),
    }


def hot(part: list[Any], classes: tuple[str, ...]) -> Array:
    out = np.zeros((len(part), len(classes)))
    for row, (_, label) in enumerate(part):
        for one in [label] if isinstance(label, str) else label:
            out[row, classes.index(one)] = 1
    return out


def quality(p: Array, truth: Array, *, multi: bool) -> dict[str, float]:
    p = np.clip(p, 1e-7, 1 - 1e-7)
    if multi:
        said = p >= 0.5
        f1 = 2 * (said & (truth > 0)).sum() / max(said.sum() + truth.sum(), 1)
        loss = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean()
        return {"micro_f1": round(float(f1), 4), "loss": round(float(loss), 4)}
    sure, right = p.max(1), p.argmax(1) == truth.argmax(1)
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in range(10)
        if (bins == b).any()
    ]
    loss = -np.log(p[truth > 0]).mean()
    return {
        "accuracy": round(float(right.mean()), 4),
        "loss": round(float(loss), 4),
        "calibration_error": round(float(sum(gaps)), 4),
    }


# -- methods --------------------------------------------------------------------------------------------------


def ours(texts: list[str], targets: Array, asked: list[str], multi: bool, **settings: Any) -> Array:
    return fitted_texts(texts, targets, multi=multi, **settings).probabilities(asked)


def by_scikit_learn(texts: list[str], targets: Array, asked: list[str], multi: bool) -> Array:
    """The same model with scikit-learn's counter of pieces and its LIBLINEAR, what learn.text-linear was up to version 2."""
    with (
        mock.patch.object(text_linear, "PieceCounter", PiecesOfScikitLearn),
        mock.patch.object(text_linear, "trained", by_liblinear),
    ):
        return ours(texts, targets, asked, multi)


class PiecesOfScikitLearn:
    @staticmethod
    def learned(texts: list[str], letters: tuple[int, int], *, least: int, most: int) -> tuple[Any, Any]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        settings: Any = {"analyzer": "char_wb", "ngram_range": letters, "min_df": least, "max_features": most}
        counter = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **settings)
        return counter, counter.fit_transform(texts)


def by_liblinear(
    values: Any, targets: Array, weights: Array, strengths: Sequence[float], *, multi: bool, threads: int
) -> list[tuple[Array, Array]]:
    """Hard labels alone, as they are measured here."""
    from sklearn.svm import LinearSVC

    del threads
    seen, found = weights > 0, []
    for strength in strengths:
        machine = LinearSVC(C=strength, tol=0.1, random_state=0)
        coefficients = np.zeros((values.shape[1], targets.shape[1]), np.float32)
        shift = np.full(targets.shape[1], -1.0)
        if multi:
            for c in np.flatnonzero(targets[seen].any(axis=0)).tolist():
                machine.fit(values[seen], targets[seen, c], sample_weight=weights[seen])
                coefficients[:, c], shift[c] = machine.coef_[0], machine.intercept_[0]
        else:
            machine.fit(values[seen], targets[seen].argmax(axis=1), sample_weight=weights[seen])
            if len(machine.classes_) < 3:
                raise ValueError("three classes or more are measured here")
            coefficients[:, machine.classes_], shift[machine.classes_] = machine.coef_.T, machine.intercept_
        found.append((coefficients, shift))
    return found


def softmax(texts: list[str], targets: Array, asked: list[str], multi: bool) -> Array:
    """What learn.text-linear was: logistic regression on the same counts, nothing left out, C = 10."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", sublinear_tf=True, dtype=np.float32)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, dtype=np.float32)
    seen = hstack([one.fit_transform(texts) for one in (words, pieces)], format="csr")
    new = hstack([one.transform(asked) for one in (words, pieces)], format="csr")
    out = np.zeros((len(asked), targets.shape[1]))
    if not multi:
        model = LogisticRegression(C=10, max_iter=1000).fit(seen, targets.argmax(1))
        out[:, model.classes_] = model.predict_proba(new)
        return out
    for c in range(targets.shape[1]):
        if 0 < targets[:, c].sum() < len(texts):
            out[:, c] = LogisticRegression(C=10, max_iter=1000).fit(seen, targets[:, c]).predict_proba(new)[:, 1]
    return out


def naive_bayes(texts: list[str], targets: Array, asked: list[str], multi: bool) -> Array:
    from sklearn.naive_bayes import ComplementNB

    counters, table = learned_counters(texts, most=200_000, pairs=2, letters=(2, 5))
    model = ComplementNB(alpha=0.3).fit(table, targets.argmax(1))
    out = np.zeros((len(asked), targets.shape[1]))
    out[:, model.classes_] = model.predict_proba(counted(counters, asked))
    return out


METHODS: dict[str, Any] = {
    "default": ours,
    "the same by scikit-learn": by_scikit_learn,
    "two threads": lambda *given: ours(*given, threads=2),
    "strength 0.1": lambda *given: ours(*given, strength=0.1),
    "strength 1": lambda *given: ours(*given, strength=1.0),
    "single words": lambda *given: ours(*given, pairs=1),
    "longer pieces": lambda *given: ours(*given, letters=(3, 6)),
    "logistic regression, C = 10": softmax,
    "naive Bayes (complement)": naive_bayes,
}
MULTI = tuple(name for name in METHODS if name != "naive Bayes (complement)")


if __name__ == "__main__":
    main()
