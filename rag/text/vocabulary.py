"""Word lists that the readers share: stopwords, months, number words, units and hedges."""

from __future__ import annotations

import re

# Function words, and words that only ask for an answer and say nothing about its subject.
STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below
    between both but by can cannot could did do does doing down during each either else ever few for
    from further get give given gives gave giving had has have having he her here hers herself him himself his
    how i if in into is it its itself just let ll many may me might more most much must my myself
    neither no nor not now of off on once one only or other our ours out over own per please re s same
    shall she should so some such t tell than that the their theirs them themselves then there these
    they this those through to too under until up upon us ve very was we were what when where whether
    which while who whom whose why will with within without would yet you your yours yourself list name
    mention mentioned according describe explain say says said s' d m don isn wasn aren weren hasn haven
    hadn doesn didn wouldn couldn shouldn mr mrs ms miss dr prof""".split()  # noqa: SIM905
)
MONTHS = """january february march april may june july august september october november
    december""".split()  # noqa: SIM905
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()  # noqa: SIM905

# "one" is left out: it is rarely a count.
_TO_NINETEEN = """zero _ two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen""".split()  # noqa: SIM905
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
NUMBER_WORDS = {word: str(number) for number, word in enumerate(_TO_NINETEEN) if word != "_"} | {
    word: str(10 * number) for number, word in enumerate(_TENS) if word != "_"
}
SCALES = {
    "dozen": 12,
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
SHORT_SCALES = {"k": 10**3, "mn": 10**6, "mln": 10**6, "bn": 10**9, "tn": 10**12, "m": 10**6, "b": 10**9}

# Units, separated by semicolons: the name, then other ways to write it. Short forms are case-sensitive.
_CURRENCIES = """dollar $ dollars usd; euro € euros eur; pound £ gbp; yen ¥ jpy; yuan renminbi cny; rupee ₹
    rupees; rouble roubles ruble rubles; franc francs chf; krona kronor krone kroner; zloty zlotys; forint
    forints; hryvnia hryvnias ₴; lira liras; peso pesos; rand rands; shekel shekels; dirham dirhams; riyal
    riyals; dinar dinars"""
_MEASURES = """percent % pct; kilometre km kms kilometres kilometer kilometers; metre m metres meter meters;
    centimetre cm centimetres centimeter centimeters; millimetre mm millimetres millimeter millimeters; mile
    mi miles; foot ft feet; inch inches; yard yards; acre acres; hectare ha hectares; tonne tonnes; ton
    tons; kilogram kg kilo kilos kilograms kilogramme kilogrammes; gram g grams gramme grammes; ounce oz
    ounces; pound lb lbs pounds; litre litres liter liters; millilitre ml millilitres milliliter
    milliliters; gallon gallons; barrel barrels; degree ° degrees; second s sec secs seconds; minute min
    mins minutes; hour h hr hrs hours; day days; week weeks; month months; year yrs years; decade decades;
    century centuries; millisecond ms milliseconds; byte bytes; kilobyte KB kB kilobytes; megabyte MB
    megabytes; gigabyte GB gigabytes; terabyte TB terabytes; petabyte PB petabytes; watt W watts; kilowatt
    kW kilowatts; megawatt MW megawatts; gigawatt GW gigawatts; volt V volts; hertz Hz; megahertz MHz;
    gigahertz GHz"""


def _forms(rows: str) -> dict[str, str]:
    return {form: row.split()[0] for row in rows.split(";") for form in row.split()}


CURRENCIES = _forms(_CURRENCIES)
UNITS = (
    CURRENCIES
    | _forms(_MEASURES)
    | {"per cent": "percent", "mph": "mile per hour", "kph": "kilometre per hour"}
)

# Words before a number that make it inexact, by where the true value is.
HEDGES = {
    "over": "over|more than|at least|no fewer than|no less than|upwards of|exceeding",
    "under": "up to|under|fewer than|less than|at most|no more than|below",
    "about": "about|around|some|nearly|almost|roughly|approximately|an estimated|circa|close to",
}
HEDGE = re.compile(
    rf"\b(?:{'|'.join(f'(?P<{name}>{words})' for name, words in HEDGES.items())})\s+\S{{0,2}}$",
    re.IGNORECASE,
)
