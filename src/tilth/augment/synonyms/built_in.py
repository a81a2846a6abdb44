"""A few hundred pairs of English words that hardly ever differ in meaning, written by hand for this package.

The last resort, where no dictionary is installed and the texts are too few to learn from. It is small on purpose: every
pair may be exchanged in nearly every everyday sentence. Words with several everyday meanings are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tilth.augment.synonyms.inflect import PARTS, inflected, readings
from tilth.augment.synonyms.lexicon import Entry

_GROUPS: Mapping[str, str] = {
    "v": """
begin start, purchase buy, assist help, require need, obtain get, select choose, allow permit, attempt try, answer reply,
shout yell, finish complete, repair fix, phone telephone, construct build, demonstrate show, inquire ask,
locate find, maintain keep, notify inform, occur happen, reside live, respond reply, retain keep, select pick, verify check,
assist aid, anticipate expect, arrange organize, collect gather, conceal hide, contain hold, create make,
describe depict, desire want, detect discover, display show, employ use, enjoy like, ensure guarantee, enlarge expand,
explain clarify, halt stop, hurry rush, illustrate show, improve enhance, indicate show,
instruct teach, invent devise, modify change, alter change, observe watch, permit let, possess own, prevent avert,
protect guard, provide supply, receive get, reply respond, rescue save, resolve settle, speak talk, state say,
terminate end, translate render, utilize use, vanish disappear, view see, acquire get, adore love, appreciate value,
authorize approve, combine merge, compute calculate, connect link, delay postpone, deliver bring, discard ditch,
discover find, discuss debate, distribute share, educate teach, establish found, examine inspect, exchange swap,
forbid ban, generate produce, grab seize, grasp grip, ignore disregard, initiate start, launch start, mend fix,
mention cite, operate run, perform do, predict forecast, promise vow, propose suggest,
pursue chase, regard consider, remain stay, remove delete, replace substitute, request ask, reveal disclose, review check,
 suppose assume, transmit send, travel journey, trust believe, update refresh,
wish want, wonder ponder, wreck ruin, cease stop, clarify explain, comprehend understand, conclude end, depart leave
""",
    "n": """
film movie, automobile car, doctor physician, author writer, picture image, mistake error, job occupation, phone telephone,
photo photograph, place location, gift present, idea notion, town city, road street, kid child, autumn fall, buddy friend,
couch sofa, garbage trash, answer reply, beginning start, border boundary, cab taxi, cash money, client customer,
clothes clothing, coach trainer, component part, conflict dispute, cooker stove, country nation,
danger peril, device gadget, disease illness, dwelling house, earnings income, employee worker, employer boss,
engine motor, examination exam, fight battle, flaw defect, fortune wealth,
goal aim, guide manual, home residence, hotel inn, illness sickness, information info, instructor teacher,
journey trip, labor work, lawyer attorney, leader chief, liberty freedom, magazine journal,
 method technique, mobile cellphone, objective goal, objective aim, ocean sea, opportunity chance, option choice,
outcome result, parcel package, path trail, payment remittance, pharmacy drugstore, plane airplane,
pupil student, purpose aim, quantity amount, reason cause, region area, remedy cure, salary wage, seller vendor, shop store,
sickness illness, song tune, sort kind, type kind, sort type, speech talk, story tale, supper dinner,
task job, television telly, tour trip, vacation holiday, victory triumph, visitor guest, wealth riches,
weather climate, woods forest, world globe, zone area, residence home, insect bug, ship boat,
 stomach belly, storm tempest, symbol sign, timetable schedule, tool implement
""",
    "a": """
big large, quick fast, quick rapid, fast rapid, little small, tiny minute, happy glad, sad unhappy, famous renowned, nearby close,
correct right, incorrect wrong, entire whole, whole complete, smart clever, difficult hard, simple easy, strange odd,
weird odd, huge enormous, giant huge, beautiful lovely, pretty lovely, afraid scared, angry mad, annual yearly, accurate exact,
ancient old, awful terrible, brave courageous, broad wide, calm peaceful, cheap inexpensive, dangerous risky, damp moist,
delicious tasty, expensive costly, extra additional, fake false, final last, former previous, fortunate lucky, funny amusing,
glad pleased, great terrific, ill sick, important significant, main principal, main chief, necessary required, numerous many,
obvious clear, polite courteous, present current, primary main, quiet silent, rich wealthy,
sick ill, silly foolish, slim slender, stupid dumb, sure certain, tired weary, typical usual, unusual uncommon, usual normal,
vacant empty, various several, worldwide global, identical same, accessible reachable, bright shiny,
complex complicated, excellent superb, frequent regular, gloomy dim, lengthy long, massive huge, particular specific, persistent constant, precise exact, previous prior, ready prepared, recent new, secure safe,
separate distinct, sincere honest, steady stable, tasty delicious, uncommon rare, vital essential, wonderful marvelous
""",
    "r": """
quickly rapidly, quickly fast, often frequently, maybe perhaps, nearly almost, usually normally, currently presently, rarely seldom,
immediately instantly, quickly swiftly, really truly, approximately roughly, mainly mostly, primarily mainly, completely entirely,
totally completely, certainly surely, commonly usually, constantly always, correctly properly, exactly precisely,
finally lastly, initially originally, previously formerly, recently lately, simply merely, slowly gradually, soon shortly,
suddenly abruptly, together jointly, typically usually, abroad overseas, altogether totally, annually yearly, anyway anyhow,
 again anew, possibly perhaps, promptly quickly, regularly routinely, somewhat slightly
""",
}

# Groups above that are one-way: the right word has other everyday meanings, so it is put in, and never taken out.
_ONE_WAY = frozenset(
    "get keep hold make show give hand run fix see check fall right mad present minute close say work papers parcel lets talk "
    "let do ask own share end leave found spot like picture cause kind store sign earth first last band chief mean rock bug stone "
    "volume still fast sea reply plan guard journal stove dinner crack ready pick swap place sort type sum hard old long new exact "
    "too yet once many several same clear regular constant specific whole complete love send liked required prepared want aid "
    "bring save debate globe change live use stay find watch climate value part state house home implement tune aim guide manual "
    "plane ship trail trip desire promise request trust supply help need answer display wish wonder view exchange review update "
    "launch guarantee grip link ban forecast attempt rush hurry substitute wreck ruin delay regard repair purchase rescue little "
    "disregard shout yell vow finish purpose pretty".split()
)


@dataclass(frozen=True)
class BuiltIn:
    """The pairs of this module."""

    name: str = "built-in"
    said: str = "a short list of English pairs that comes with this package"
    key: str = "built-in 1"

    def entry(self, word: str) -> Entry | None:
        """The other words of its pairs, in its form."""
        for part in PARTS:
            for base, form in readings(word, part):
                if base in _pairs()[part]:
                    forms = (inflected(one, part, form) for one in _pairs()[part][base])
                    return Entry(part, tuple(one for one in forms if one))
        return None


@cache
def _pairs() -> dict[str, dict[str, tuple[str, ...]]]:
    tables: dict[str, dict[str, tuple[str, ...]]] = {}
    for part, text in _GROUPS.items():
        table = tables[part] = {}
        for pair in text.split(","):
            one, other = pair.split()
            for word, its in ((one, other), (other, one)):
                if word not in _ONE_WAY:
                    table[word] = tuple(dict.fromkeys((*table.get(word, ()), its)))
    return tables


def count() -> int:
    """How many pairs there are."""
    return sum(len(text.split(",")) for text in _GROUPS.values())
