"""Months and small numbers as each language writes them: "mai" and "mayo" are "may"."""

from __future__ import annotations

from rag.text.vocabulary import MONTHS

# January to December; forms of one month are joined by "/". All are folded.
_MONTHS = {
    "de": "januar/janner februar marz april mai juni juli august september oktober november dezember",
    "fr": "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre/setiembre"
    " octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "pl": "styczen/stycznia/styczniu luty/lutego/lutym marzec/marca/marcu kwiecien/kwietnia/kwietniu"
    " maj/maja/maju czerwiec/czerwca/czerwcu"
    " lipiec/lipca/lipcu sierpien/sierpnia/sierpniu wrzesien/wrzesnia/wrzesniu"
    " pazdziernik/pazdziernika/pazdzierniku listopad/listopada/listopadzie grudzien/grudnia/grudniu",
    "tr": "ocak subat mart nisan mayıs haziran temmuz agustos eylul ekim kasım aralık",
    "ru": "январь/января/январе февраль/февраля/феврале март/марта/марте апрель/апреля/апреле май/мая/мае"
    " июнь/июня/июне июль/июля/июле август/августа/августе сентябрь/сентября/сентябре"
    " октябрь/октября/октябре ноябрь/ноября/ноябре декабрь/декабря/декабре",
    "uk": "січень/січня/січні лютий/лютого/лютому березень/березня/березні квітень/квітня/квітні"
    " травень/травня/травні червень/червня/червні липень/липня/липні серпень/серпня/серпні"
    " вересень/вересня/вересні жовтень/жовтня/жовтні листопад/листопада/листопаді грудень/грудня/грудні",
    "el": "ιανουαριος/ιανουαριου φεβρουαριος/φεβρουαριου μαρτιος/μαρτιου απριλιος/απριλιου μαιος/μαιου"
    " ιουνιος/ιουνιου ιουλιος/ιουλιου αυγουστος/αυγουστου σεπτεμβριος/σεπτεμβριου οκτωβριος/οκτωβριου"
    " νοεμβριος/νοεμβριου δεκεμβριος/δεκεμβριου",
    "ar": "يناير فبراير مارس ابريل مايو يونيو يوليو اغسطس سبتمبر اكتوبر نوفمبر ديسمبر",
}
# Two to twelve, or as far as they are one word.
_NUMBERS = {
    "de": "zwei drei vier funf sechs sieben acht neun zehn elf zwolf",
    "fr": "deux trois quatre cinq six sept huit neuf dix onze douze",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "it": "due tre quattro cinque sei sette otto nove dieci undici dodici",
    "pt": "dois/duas tres quatro cinco seis sete oito nove dez onze doze",
    "nl": "twee drie vier vijf zes zeven acht negen tien elf twaalf",
    "sv": "tva tre fyra fem sex sju atta nio tio elva tolv",
    "pl": "dwa/dwie/dwoch trzy/trzech cztery/czterech piec/pieciu szesc/szesciu siedem/siedmiu osiem/osmiu"
    " dziewiec/dziewieciu dziesiec/dziesieciu jedenascie dwanascie",
    "tr": "iki uc dort bes altı yedi sekiz dokuz on",
    "ru": "два/две/двух три/трех четыре/четырех пять/пяти шесть/шести семь/семи восемь/восьми"
    " девять/девяти десять/десяти одиннадцать/одиннадцати двенадцать/двенадцати",
    "uk": "два/дві/двох три/трьох чотири/чотирьох пять/пяти шість/шести сім/семи вісім/восьми"
    " девять/девяти десять/десяти одинадцять/одинадцяти дванадцять/дванадцяти",
}


def _forms(row: str, meanings: list[str]) -> dict[str, str]:
    return {
        form: meant for each, meant in zip(row.split(), meanings, strict=False) for form in each.split("/")
    }


_SPELT_MONTHS = {code: _forms(row, MONTHS) for code, row in _MONTHS.items()}
# A name that means another month in another language is left out: "listopad" is November and October.
MONTH_NAMES = {
    name: month
    for names in _SPELT_MONTHS.values()
    for name, month in names.items()
    if len({other.get(name, month) for other in _SPELT_MONTHS.values()}) == 1
}
SPELLINGS = {
    code: months | _forms(_NUMBERS.get(code, ""), [str(n) for n in range(2, 13)])
    for code, months in _SPELT_MONTHS.items()
}
