"""Word lists of the check: irregular forms, opposites, and words that deny or weaken."""

from __future__ import annotations

from functools import lru_cache

from rag.text.words import stem

# The first form of each row represents the others.
_IRREGULAR = """be is are was were been being am; have has had having; do does did done doing; go goes went
    gone; become became; begin began begun; bring brought; build built; buy bought; catch caught; choose
    chose chosen; come came; draw drew drawn; drive drove driven; eat ate eaten; fall fell fallen; feel
    felt; fight fought; find found; flee fled; fly flew flown; forget forgot forgotten; forbid forbade
    forbidden; freeze froze frozen; get got gotten; give gave given; grow grew grown; hear heard; hide hid
    hidden; hold held; keep kept; know knew known; lay laid; lead led; leave left; lend lent; lose lost;
    make made; mean meant; meet met; pay paid; ride rode ridden; ring rang rung; rise rose risen; run ran;
    say said; see saw seen; seek sought; sell sold; send sent; shake shook shaken; shoot shot; show shown;
    sing sang sung; sink sank sunk; sit sat; sleep slept; speak spoke spoken; spend spent; stand stood;
    steal stole stolen; strike struck; swear swore sworn; swim swam swum; take took taken; teach taught;
    tell told; think thought; throw threw thrown; understand understood; wear wore worn; win won; withdraw
    withdrew withdrawn; write wrote written; man men; woman women; child children; foot feet; tooth teeth;
    die died dies dying death dead; kill killed killing; person people persons; life lives"""
_FORMS = {stem(form): stem(row.split()[0]) for row in _IRREGULAR.split(";") for form in row.split()}

# Opposites: a source with a word of one side doesn't support a claim with a word of the other.
_OPPOSITES = """more|less fewer; most|least fewest; before|after; earlier|later; early|late; rise rising
    increase grow climb jump surge soar up|fall drop decrease decline shrink plunge down; gain|lose; higher
    high highest|lower low lowest; above|below beneath; larger bigger large big largest biggest
    greater|smaller small smallest; longer long longest taller tall tallest|shorter short shortest; older
    old oldest|younger young youngest new newest; first|last final; maximum|minimum; north northern|south
    southern; east eastern|west western; northeast|southwest; northwest|southeast; left|right; win
    victory|lose defeat; buy purchase|sell sale; import|export; open|close shut; start begin launch|end
    finish stop cease conclude; attack|defend; arrive|depart leave; enter|exit leave; join|leave quit;
    send|receive; lend|borrow; support back|oppose; accept approve|reject refuse decline; agree|disagree
    refuse; allow permit|ban forbid prohibit prevent; include|exclude; inside|outside; inner internal|outer
    external; public|private; true|false; correct|incorrect wrong; better good best improve|worse bad worst
    worsen; build construct|demolish destroy; advance|retreat withdraw; capture seize|lose surrender; friend
    ally|enemy foe; male man husband father son brother boy|female woman wife mother daughter sister girl;
    alive live survive|dead kill; strong stronger strengthen|weak weaker weaken; succeed success
    successful|fail failure unsuccessful; guilty convict|innocent acquit; legal lawful|illegal unlawful;
    possible|impossible; able|unable; likely|unlikely; common|rare uncommon; hot warm|cold cool; wet|dry;
    light|heavy; fast quick|slow; rich|poor; full|empty; present|absent; confirm|deny; love like|hate
    dislike; add|remove subtract; expand|contract; majority|minority; domestic|foreign; day|night;
    morning|evening; upper|lower; ahead|behind; cause|prevent; create|abolish; appoint hire|dismiss fire;
    free|imprison jail arrest detain; major|minor; positive|negative; employer|employee; teacher|student;
    parent|child; a.m.|p.m."""

DENYING = frozenset(
    """not no never none nor neither without nobody nothing nowhere cannot hardly scarcely barely deny refuse
    reject fail unable lack false untrue acquit""".split()  # noqa: SIM905
)
SUPPOSING = frozenset(
    """may might could perhaps possibly probably likely unlikely supposedly presumably apparently seem
    appear""".split()  # noqa: SIM905
)
REPORTING = frozenset(
    """reportedly allegedly allege alleged suspect rumour rumor claim accuse believe suggest
    think""".split()  # noqa: SIM905
)
SAYING = frozenset(
    "say tell announce warn state add argue insist note explain report declare write reply".split()  # noqa: SIM905
)
ALMOST = frozenset("almost nearly virtually practically".split())  # noqa: SIM905
PLANNING = frozenset(
    """will shall would should plan intend expect hope aim propose promise pledge prepare want seek try
    attempt consider threaten vow ask demand urge offer request order""".split()  # noqa: SIM905
)
ABLE = frozenset("can able".split())  # noqa: SIM905
CONDITIONAL = frozenset("if unless whether".split())  # noqa: SIM905
SWEEPING = frozenset(
    "all every always only never entire entirely exclusively solely both each everyone everything".split()  # noqa: SIM905
)
ORDINALS = frozenset(
    "first second third fourth fifth sixth seventh eighth ninth tenth twice half double triple".split()  # noqa: SIM905
)
RELATIVE_DAYS = frozenset("today yesterday tomorrow tonight".split())  # noqa: SIM905


@lru_cache(maxsize=65536)
def lemma(word: str) -> str:
    """Return one form for the forms of a folded word: its Porter stem, irregular forms merged."""
    found = stem(word)
    return _FORMS.get(found, found)


@lru_cache(maxsize=1)
def opposites() -> dict[str, list[tuple[frozenset[str], frozenset[str]]]]:
    """Return, by lemma, the groups of words that it belongs to, each with the opposite group."""
    found: dict[str, list[tuple[frozenset[str], frozenset[str]]]] = {}
    for row in _OPPOSITES.split(";"):
        one, other = (frozenset(map(lemma, side.split())) for side in row.split("|"))
        for side, against in ((one, other), (other, one)):
            for word in side:
                found.setdefault(word, []).append((side, against))
    return found
