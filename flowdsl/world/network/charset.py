"""The text that bytes mean: by their mark of byte order, by the charset that is named, or else by looking at them.

No replacement mark is ever put in: a reader could not know that something else stood there. The charsets
are those of texts, by name: what else Python calls an encoding unpacks, swaps letters or reads escapes.
"""

from __future__ import annotations

import re
from codecs import (
    BOM_UTF8,
    BOM_UTF16_BE,
    BOM_UTF16_LE,
    BOM_UTF32_BE,
    BOM_UTF32_LE,
)
from contextlib import suppress
from encodings.aliases import aliases

_TEXTS = (
    "ascii utf_8 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le"
    " latin_1 iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10"
    " iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16 mac_roman"
    " cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp437 cp850 cp852 cp855 cp866"
    " koi8_r koi8_u tis_620 gb2312 gbk gb18030 big5 big5hkscs shift_jis cp932 euc_jp iso2022_jp euc_kr cp949"
)
CODECS = frozenset(_TEXTS.split())
LABELS = {codec: codec for codec in CODECS} | {
    alias: codec for alias, codec in aliases.items() if codec in CODECS
}
# The longer first: that of UTF-16 is the beginning of that of UTF-32.
MARKS = (
    (BOM_UTF32_LE, "utf_32_le"),
    (BOM_UTF32_BE, "utf_32_be"),
    (BOM_UTF16_LE, "utf_16_le"),
    (BOM_UTF16_BE, "utf_16_be"),
    (BOM_UTF8, "utf_8"),
)
LABEL = re.compile(r';\s*charset\s*=\s*"?([0-9A-Za-z._:-]{1,40})"?\s*(?:;|$)', re.IGNORECASE)


def text_of(content: bytes, content_type: str) -> str:
    """The text, whatever the bytes are: where nothing else reads them, each is a letter of Latin-1."""
    codec, rest = codec_of(content, content_type)
    for read in ((rest, codec), (content, "utf_8")):
        with suppress(UnicodeError):
            return read[0].decode(read[1])
    return content.decode("latin_1")


def codec_of(content: bytes, content_type: str) -> tuple[str, bytes]:
    """How the bytes say they are to be read, UTF-8 where they say nothing that is known; without the mark."""
    for mark, codec in MARKS:
        if content.startswith(mark):
            return codec, content.removeprefix(mark)
    found = LABEL.search(content_type)
    label = re.sub(r"[-.:]", "_", found[1].lower()) if found else ""
    return LABELS.get(label, "utf_8"), content
