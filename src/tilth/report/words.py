"""Numbers and verdicts in words. The one place that decides how a result is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tilth.trial import Evidence, Measure

KINDS: Mapping[str, tuple[str, str]] = {
    "label_noise": ("Doubtful labels", "A model that never saw the sample in training believes in another label."),
    "contradiction": ("Contradictions", "The same content stands under different labels; at most one can be right."),
    "leak": ("Leaks", "The same content lies in two splits, so a score on one is flattered by the other."),
    "exact_duplicate": ("Exact duplicates", "The content is the same, bit for bit after decoding; one is enough."),
    "near_duplicate": (
        "Near duplicates",
        "The content is all but the same: scaled, brightened, cropped or saved again.",
    ),
    "low_information": ("Little to see", "Nothing, or next to nothing, is to be seen in the picture."),
    "noisy": ("Noisy pictures", "Grain covers the picture far more than is usual in these data."),
    "blurred": ("Blurred pictures", "The edges are far longer than is usual in these data."),
    "dark": ("Dark pictures", "Hardly a pixel is light, unlike in most of these data."),
    "bright": ("Bright pictures", "Hardly a pixel is dark, unlike in most of these data."),
    "inverted": ("Inverted ground", "Ground and content have changed places, compared with nearly all others."),
    "cropped": ("Cut off", "The content touches the border, where nearly all others keep within it."),
    "odd_size": ("Odd sizes", "The picture has many times more or fewer pixels than most."),
    "odd_ratio": ("Odd ratios", "The picture is far wider or taller for its size than most."),
    "empty_text": ("Empty texts", "Nothing is written, or nothing but signs."),
    "mojibake": ("Damaged encoding", "Letters were read in the wrong encoding, or lost."),
    "wrong_script": ("Another script", "The letters are of another script than nearly all of these data."),
    "short_text": ("Short texts", "The text has far fewer words than is usual in these data."),
    "long_text": ("Long texts", "The text has far more words than is usual in these data."),
    "boilerplate": ("Boilerplate", "Most of the text is a passage that stands in many others."),
    "same_text": ("Same but for accents and joins", "The texts are one text, written with other accents or spaces."),
    "component": ("Components at odds", "Samples that are near each other do not carry the same labels."),
    "singletons": ("Singletons", "Samples that are near no other one."),
    "unreadable": ("Unreadable", "The file or text could not be decoded."),
    "imbalance": ("Imbalance", "Some classes have far fewer samples than others."),
    "neighbors": (
        "At odds with their neighbours",
        "All or none of the nearest agree with the label, or even the nearest is far.",
    ),
    "outlier": ("Outliers", "The sample resembles no class, in looks or to a model that never saw it."),
    "out_of_class": ("Out of class", "The sample lies far from the others of its class and close to another class."),
    "label_guard": (
        "The label guard",
        "What each operation makes of each class, judged by models that never saw the sample.",
    ),
    "coverage_gap": (
        "Coverage gaps",
        "The target, a sample of what the model will meet, has what train lacks; a model may do well on train and badly there.",
    ),
    "edge_case": (
        "Edge cases",
        "The sample lies inside the cluster of its class and far from the nearest of it: right, and rare.",
    ),
    "validation_set": ("The proposed validation set", "How many samples, and how clean they are expected to be."),
    "validation_candidate": (
        "Proposed for validation",
        "All witnesses name its label, and it stands for others of its class.",
    ),
}
"""kind -> its title and what it means in one sentence, in the order in which the report shows them."""

EDITS: Mapping[str, tuple[str, str]] = {
    "Relabel": ("relabelled", "The sample stays, under another label."),
    "Drop": ("dropped", "The sample is left out; the source file is not touched."),
    "Add": ("added", "A new sample was made, from its parents where it has some."),
    "Move": ("moved", "The sample went to another split."),
    "Weigh": ("weighted", "The sample counts more or less in training."),
}

_NOT_SHARES = ("loss", "error", "rmse", "mae", "mse", "perplexity", "seconds")


def title_of(kind: str) -> str:
    """What a kind of finding is called on the page; a kind of a third party is told by its name."""
    return KINDS.get(kind, (kind.replace("_", " ").capitalize(), ""))[0]


def meaning_of(kind: str) -> str:
    return KINDS.get(kind, ("", "Found by a step that this report has no words for; its own sentence stands below."))[1]


def number(value: float) -> str:
    """`12,345`, or four significant digits for what is not whole."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def counted(n: int, one: str, many: str | None = None) -> str:
    """`1 sample`, `12,345 samples`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 100:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def metric_name(metric: str) -> str:
    return {"macro_f1": "macro-F1", "f1": "F1", "micro_f1": "micro-F1"}.get(metric, metric.replace("_", " "))


def is_share(measure: Measure) -> bool:
    """Whether a measure is told in per cent. An external command may report anything."""
    values = (measure.before, measure.after)
    return all(0 <= value <= 1 for value in values) and not any(word in measure.metric for word in _NOT_SHARES)


def amount(value: float, share: bool) -> str:
    """`81.3 %` or `0.5123`."""
    if not np.isfinite(value):
        return "not measured"
    return f"{100 * value:.1f} %" if share else f"{value:.4g}".replace("-", "−")


def signed(value: float, share: bool, *, unit: bool = False) -> str:
    """`+2.1` with a true minus sign; `+2.1 points` with its unit."""
    if not np.isfinite(value):
        return "not measured"
    text = f"{100 * value:+.1f}" if share else f"{value:+.4g}"
    return text.replace("-", "−") + (" points" if unit and share else "")


def span(measure: Measure) -> str:
    """`+0.3 to +4.1`, the 95 % interval of the difference."""
    share = is_share(measure)
    return f"{signed(measure.low, share)} to {signed(measure.high, share)}"


def learner_name(learner: Mapping[str, Any]) -> str:
    for key in ("name", "use", "learner", "class"):
        if isinstance(learner.get(key), str):
            return str(learner[key]).removeprefix("learn.")
    return "the fixed model"


def plain(value: Any) -> str:
    """A setting as a person writes it: `epochs 40, rate 0.001` for a table of them."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(part)}" for key, part in value.items()) or "as given by its step"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(part) for part in value)
    return str(value)


def verdict_sentence(evidence: Evidence) -> str:
    """The result in one sentence, with the numbers. `Not shown` is said as plainly as `better`."""
    top, share = evidence.headline, is_share(evidence.headline)
    metric, model = metric_name(top.metric), learner_name(evidence.learner)
    went = f"from {amount(top.before, share)} to {amount(top.after, share)}"
    by = f"{signed(top.difference, share, unit=True)}, 95 % interval {span(top)}"
    with_ = f"With {model} trained the same way on both, {metric} on the sealed test split"
    if top.verdict == "better":
        said = f"{with_} rose {went} ({by})."
    elif top.verdict == "worse":
        flattered = evidence.taught and (evidence.unseen is None or evidence.unseen.verdict != "worse")
        said = f"{with_} fell {went} ({by})." + ("" if flattered else " The changes did harm.")
    else:
        said = (
            f"{with_} went {went} ({by}). The interval holds zero: whether the changes helped or harmed is not shown."
        )
    unseen = evidence.unseen
    if unseen is None or unseen.verdict == top.verdict:
        return said
    went = f"{amount(unseen.before, share)} to {amount(unseen.after, share)} ({span(unseen)})"
    leaked = f"Without {counted(evidence.taught, 'leaked test sample')} it went from {went}"
    told = {"better": "that is a gain", "worse": "that is harm", "not shown": "there, nothing is shown"}
    return f"{said} {leaked}: {told[unseen.verdict]}, and that is the fairer figure."


def baseline_sentence(evidence: Evidence) -> str:
    """What deleting as many samples at random does, and whether it explains the result."""
    base = evidence.baseline
    if base is None:
        return "Nothing was deleted, so there is no random deletion to compare with."
    share = is_share(base)
    said = f"Deleting as many samples at random changes {metric_name(base.metric)} by "
    said += f"{signed(base.difference, share, unit=True)} ({span(base)})"
    if evidence.verdict != "better":
        return said + "."
    if base.difference < evidence.headline.low:
        return said + ": a smaller dataset alone does not explain the gain."
    return said + ": that lies within the interval of the gain, so choosing these samples is not shown to matter."


def _of_the_interval(evidence: Evidence) -> str:
    outside = "data of another origin are outside of it."
    if any(trial.probabilities is None for trial in evidence.trials):
        return (
            "The training command gave metrics and no probabilities, so the interval rests on the spread over seeds "
            f"and the size of the test split, not on pairs of answers: it is wider than it need be, and {outside}"
        )
    return (
        "The difference is paired: the same seeds and the same test samples on both sides. The interval tells how far "
        f"it would move with other seeds and other test samples of the same kind; {outside}"
    )


def limits(evidence: Evidence, *, leaks: int, sealed_changed: bool) -> list[str]:
    """What the proof does and does not show, as sentences."""
    asked = len(evidence.trials[0].ids) if evidence.trials else 0
    runs = counted(len(evidence.seeds), "seed")
    on = f" on {counted(asked, 'test sample')}" if asked else ""
    said = [
        f"It speaks of one model, {learner_name(evidence.learner)}, trained with {runs} on each side and asked{on}. "
        "Another model may gain more, less or nothing.",
        _of_the_interval(evidence),
        f"The first row, {metric_name(evidence.headline.metric)}, is the one that the verdict rests on. The others and "
        "the classes are there to look at: among many rows, some hold no zero by chance.",
        "The test split was not cleaned. Where its own labels are wrong, both sides are scored against the mistake.",
    ]
    if asked and asked < 200:
        said.append(f"{counted(asked, 'test sample')} are few: effects of a few points cannot be seen with them.")
    if len(evidence.seeds) < 3:
        said.append(
            f"With {runs}, the luck of the training run is hardly averaged out. Use --seeds 5 for a firmer answer."
        )
    if evidence.taught:
        said.append(
            f"{counted(evidence.taught, 'test sample')} lay in train too, before or after. They flatter the side that was taught "
            "by them; taking the copies out can lower the score and still be right. "
            + (
                "So it is told without them too, and that is the fairer row."
                if evidence.unseen
                else "Without them nothing can be told: none is left, or the training command gave no probabilities."
            )
        )
    elif leaks:
        said.append(
            f"{counted(leaks, 'leak')} between the splits {'was' if leaks == 1 else 'were'} found. The score before is "
            "flattered by those; taking them out can lower the score and still be right."
        )
    if sealed_changed:
        said.append("The test split itself was changed: the two sides were not asked the same questions.")
    return said
