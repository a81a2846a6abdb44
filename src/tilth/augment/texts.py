"""New texts by operations on words, letters and marks, drawn at random, each told from every other text and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tilth.augment.drafting import Drafting, Draws
from tilth.augment.judging import judge_of
from tilth.augment.synonyms.choose import SOURCES, identity, lexicon
from tilth.augment.synonyms.lexicon import Lexicon, Synonyms
from tilth.augment.turns import Turns, demand_of, plan
from tilth.augment.words import WORD, class_words, lower
from tilth.augment.writing import named
from tilth.augment.writing.operation import Stock
from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import SettingError, StepError, did_you_mean
from tilth.signal import Signals
from tilth.steps import Run

_CHECKS = ("neighbors", "linear", "learner", "none")
_DRAW_ON_SYNONYMS = frozenset(("synonym", "insert"))
_STOCK = 20_000  # words that a masked one may become: enough to be as frequent as in the texts


@dataclass(frozen=True)
class Words:
    """Makes new train texts by operations on words, letters and marks, one at a time or several at once."""

    operations: tuple[str, ...] = ("auto",)  # names of operations and of sets of them
    forbid: tuple[str, ...] = ()  # never drawn
    strength: float = 0.2  # 1: half of the words; 0.2 is a tenth of them, EDA's alpha
    composed: float = 0.0  # share of new texts that get several operations
    most_at_once: int = 2  # operations of such a text; three leave little of a question of ten words
    synonyms: str = "auto"  # wordnet, mythes, corpus, vectors, built-in; auto: the first that is there
    synonyms_at: str = ""  # folder of WordNet or of a thesaurus, or a file of vectors; empty: where they are usually
    cosine: float = 0.8  # of two vectors of words that may stand for one another; TextAttack's bound
    mask: str = "[MASK]"  # what stands for a masked word; BERT's own
    label_words: float = 0.05  # share of a class's words: those that tell it best are not touched there nor brought in
    check: str = "neighbors"  # whether a new text keeps its label: nearest real texts, linear models, a learner, none
    learner: str = "text-linear"  # of the check by a learner
    balance: bool = True  # smallest classes first; False: every text is used alike
    fill: bool = False  # go on past the size of the largest class, up to the budget
    up_to: int = 0  # classes are brought up to so many texts, not to the size of the largest; 0: to that
    most_per_parent: int = 9  # new texts of one; EDA's choice

    version = 4
    modality = ("text",)
    own_learner = True
    source = "Wei and Zou 2019, arXiv:1901.11196 (EDA); Devlin et al. 2019, arXiv:1810.04805, for masking"
    cost = "0.15 ms for a sentence, half as much again for its check; 1.5 s to read WordNet"

    def __post_init__(self) -> None:
        for setting in ("operations", "forbid"):
            value = getattr(self, setting)
            object.__setattr__(self, setting, (value,) if isinstance(value, str) else tuple(value))
        _validate(self)

    @property
    def weights(self) -> str:
        """Identity of the dictionary or file that the synonyms are from: with another, the texts are others."""
        drawn = _DRAW_ON_SYNONYMS & set(named("augment.words", self.operations, self.forbid))
        return identity(self.synonyms, self.synonyms_at) if drawn else ""

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train texts: up to the largest class, or with `fill` past it; at most `budget` open samples in all."""
        if data.schema.modality != "text":
            raise StepError("augment.words works on texts; this dataset holds images. Use augment.operations.")
        turns = self._turns(data, signals, run, budget, self.most_per_parent, set())
        if not turns.parents:
            return
        drafting, most = self._drafting(data, run), self.most_per_parent
        while turns.parents:
            spent, made = len(drafting.spent), list[Add]()
            for add in drafting.made(data, turns, run):
                made.append(add)
                yield add
            if len(drafting.spent) == spent:
                break
            # Some texts have nothing left to give; the others of their class take their turns.
            data, most = data.apply(made), most - int(turns.times.max())
            if most < 1:
                break
            turns = self._turns(data, signals, run, budget, most, drafting.spent)
        self._told(drafting, run)

    def _turns(self, data: Dataset, signals: Signals, run: Run, budget: int, most: int, spent: set[str]) -> Turns:
        room, level = budget - len(data.open), self.balance and not self.fill
        rng, demand = run.rng(digest(self), "turns"), demand_of(signals)
        return plan(
            data, room, rng, balance=self.balance, most=most, level=level, up_to=self.up_to, barred=spent, demand=demand
        )

    def _drafting(self, data: Dataset, run: Run) -> Drafting:
        """All that is learned from the data before the first text is made."""
        train = data.train
        keep = class_words(run.texts(train), train.targets, share=self.label_words)
        pool = named("augment.words", self.operations, self.forbid)
        source = self._lexicon(data, run) if _DRAW_ON_SYNONYMS & set(pool) else None
        synonyms = Synonyms(source, keep.every) if source is not None else None
        stock = Stock(synonyms, _common(run.texts(train), keep.every), self.mask)
        key = digest(self) if source is None else digest(self, source.key)
        draws = Draws.of(pool, self.strength, self.composed, self.most_at_once)
        judge = None if self.check == "none" else judge_of(train, run, asked=self.check, learner=self.learner)
        return Drafting("augment.words", key, draws, stock, keep, judge, set(run.texts(data)))

    def _lexicon(self, data: Dataset, run: Run) -> Lexicon:
        found = lexicon(self.synonyms, self.synonyms_at, run.texts(data), cosine=self.cosine)
        run.log(f"augment.words: synonyms from {found.said}")
        return found

    def _told(self, drafting: Drafting, run: Run) -> None:
        if drafting.turned_away:
            run.log(f"augment.words: the label check turned away {drafting.turned_away:,} drafts")
        if drafting.spent:
            run.log(
                f"augment.words: {len(drafting.spent):,} texts gave fewer new ones than asked: nothing safe was left"
            )


def _common(texts: list[str], barred: frozenset[str]) -> tuple[str, ...]:
    """Words of these texts as often as they come there, but for those that carry a label, names and numbers."""
    words = [word for text in texts for word in WORD.findall(text)]
    plain = [word for word in words if word.isalpha() and word.islower() and lower(word) not in barred]
    return tuple(plain[:: max(1, len(plain) // _STOCK)])


def _validate(step: Words) -> None:
    name = "augment.words"
    named(name, step.operations, step.forbid)
    for setting, low, high in (("composed", 0, 1), ("label_words", 0, 1), ("cosine", 0, 1)):
        value = getattr(step, setting)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise SettingError(f"{name}: {setting} lies within {low} and {high}, found {value!r}")
    if isinstance(step.strength, bool) or not isinstance(step.strength, (int, float)) or not 0 < step.strength <= 1:
        raise SettingError(f"{name}: strength must lie above 0 and up to 1, found {step.strength!r}")
    for setting, least in (("most_at_once", 2), ("most_per_parent", 1), ("up_to", 0)):
        value = getattr(step, setting)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SettingError(f"{name}: {setting} must be at least {least}, found {value!r}")
    if step.up_to and (step.fill or not step.balance):
        raise SettingError(f"{name}: up_to = {step.up_to} is a bound of balancing; leave out fill, and balance = false")
    for setting, known in (("synonyms", SOURCES), ("check", _CHECKS)):
        value = getattr(step, setting)
        if value not in known:
            there = f"{did_you_mean(str(value), known)} (there is {', '.join(known)})"
            raise SettingError(f"{name}: {setting} has no {value!r}{there}")
    if not step.mask.strip():
        raise SettingError(f"{name}: mask must be a word, found {step.mask!r}")
