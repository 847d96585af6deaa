"""The letters of languages, most frequent first, by the legacy encodings that their files come in.

The orders were counted in the translations of programs. A language written in words of Latin letters lists
only its letters beyond ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass

_WESTERN = (
    "üäößé", "éèàêçîôûùâœëïüæÿ", "óáñúíé¿¡üªº", "ãçáõíúéêóàâºªôü", "èùòàéìî°ó", "äöåé", "æøåéôèóü",
    "ëïéèüöáó", "àóéíèïçúòü·", "ðáþíóöúæéý",
)  # fmt: skip
_CENTRAL = ("łężąśćóńź", "íážěéščřýůúňďóťöü", "áížťčéšýúľóňôďäĺŕ", "áéóöőíüúű", "ășțîâţş", "ščžćđ", "čšžćđ")
_BALTIC = ("šųžėįąūčę", "āīēšūļņģžķ", "äõüöžš")
_TURKISH = ("ıçüğşöîâ",)
_RUSSIAN = "оеаинтсрвлкпдмуыяьзбйчгжцфхюшщэёъ"
_CYRILLIC = (
    _RUSSIAN, "аноеитіврслкдмупьязбйчгцжєшхщюфї'ґ", "аеитонрсвлдпмзкбъячугйцжшфщхюь",
    "аеионтрсдкмвлупјзбгцшњжчљфћхђџ", "аніеорсктлвядыупмзьўбчгёхйжшцэюф",
)  # fmt: skip
_GREEK = ("αοιετσνηυρπκμλωςγδίόχάθφέβήύώξζψϊΐϋΰ",)
_HEBREW = ("יוהלארתבשמםנחדקעפטכגצסןזךףץ",)
_ARABIC = ("اليمنوترةبدعفسكهحقأجشطصىخإذئغزضثءظؤآ", "ایدرنهومتبسلکشزفگعخقجآپحطصغذچضظثژئء")
_THAI = ("่านรอกเงมยลวด้สทตะปบคหแ์จัีิพชขใุไโูผซธณศึำถื็ฟษญภฉฐฝๆฎฏฆ",)
_HIRAGANA = (
    "のにるたとはしいをでてがなれからさっりすあもこまうくよきんめおけそつだやえどわちみせじばへびずろほげむべ"
    "ひょゆぶごゃねふぐぎぼゅづざぞぬぜぱぽぷぴぃぁぇぺ"
)
_KATAKANA = (
    "ーンスルトリイアラックドシレジタフロカテマィグバムプオコデニウメサビナブャエュチキズダパミェョハセベガモ"
    "ツネボソノァヴワポペピケゴギザホゲォヤヒユヨヘゼヌゥゾ・"
)
_KANJI = (
    "日一人年大十本中長出三時行見月分後前生五間上東四今九入高子外八六下来気小七山話女北百書先名水男電校語"
    "車何南毎白天母火右読左休雨会社国者新自地場方事業部内発理用同合手定代学実度表力動取当家主使対開化"
)
_SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道"
    "行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日月"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道"
    "行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日月"
)
_HANGUL = (
    "이다에의는로하을가고지서한은기으년대사시를리도인스일나어자해있정수아그들과부전것보라상주구장제여만니원비면와"
    "용공동성생관국게경우같음선민조실했되당습요입호력번밀없값택않드개트할바된문른야올오삭유페확변식체터모화형었위"
)


@dataclass(frozen=True, slots=True)
class Standard:
    """A double-byte standard: a codec of Python, and the lead bytes of its common characters."""

    codec: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The letters of a language, by groups, each with its share of the language's letters.

    `latin` is whether ASCII letters stand beside them in words. `standard` has its other characters.
    """

    groups: tuple[tuple[str, float], ...]
    latin: bool = False
    standard: Standard | None = None


def _alphabets(languages: tuple[str, ...], latin: bool = False) -> tuple[Alphabet, ...]:
    """Return the alphabets of languages written in letters."""
    return tuple(Alphabet(((letters, 1.0),), latin) for letters in languages)


_JAPANESE = (
    Alphabet(((_HIRAGANA, 0.5), (_KATAKANA, 0.15), (_KANJI, 0.15)), False, Standard("euc_jp", 0xB0, 0xD0)),
)
_CHINESE = (Alphabet(((_SIMPLIFIED, 0.4),), False, Standard("gb2312", 0xB0, 0xD8)),)
_TAIWANESE = (Alphabet(((_TRADITIONAL, 0.4),), False, Standard("big5", 0xA4, 0xC9)),)
_KOREAN = (Alphabet(((_HANGUL, 0.65),), False, Standard("euc_kr", 0xB0, 0xC9)),)
_LATIN = _alphabets(_WESTERN, latin=True)
_EASTERN = _alphabets(_CYRILLIC)
# The first of two that explain a text as well is chosen.
ALPHABETS = {
    "cp1252": _LATIN,
    "cp1250": _alphabets(_CENTRAL, latin=True),
    "iso8859_2": _alphabets(_CENTRAL, latin=True),
    "cp1254": _alphabets(_TURKISH, latin=True),
    "cp1257": _alphabets(_BALTIC, latin=True),
    "cp1251": _EASTERN,
    "koi8_u": _alphabets(_CYRILLIC[:2]),
    "cp866": _alphabets(_CYRILLIC[:1]),
    "iso8859_5": _EASTERN,
    "cp1253": _alphabets(_GREEK),
    "iso8859_7": _alphabets(_GREEK),
    "cp1255": _alphabets(_HEBREW),
    "cp1256": _alphabets(_ARABIC),
    "iso8859_6": _alphabets(_ARABIC),
    "cp874": _alphabets(_THAI),
    "cp949": _KOREAN,
    "euc_jp": _JAPANESE,
    "cp932": _JAPANESE,
    "gb18030": _CHINESE,
    "big5hkscs": _TAIWANESE,
    "cp950": _TAIWANESE,
    "mac_roman": _LATIN,
    "cp850": _LATIN,
    "mac_cyrillic": _EASTERN,
    "mac_greek": _alphabets(_GREEK),
    "cp737": _alphabets(_GREEK),
    "cp862": _alphabets(_HEBREW),
    "cp855": _EASTERN,
    "cp852": _alphabets(_CENTRAL, latin=True),
}
