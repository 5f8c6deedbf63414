"""How bytes become requests."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from rest_framework import exceptions, parsers
from rest_framework.utils.json import strict_constant

from tenants.limits import limits
from tenants.strict import Repeating

# Also matches an unterminated string: retrying from each of its quotes takes far too long.
STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


class JSONParser(parsers.JSONParser):
    """Parses JSON in UTF-8, whatever the charset; excessive depth and duplicate keys are errors."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            text = stream.read().decode()
            _check_values(text)
            data = json.loads(
                text,
                parse_constant=strict_constant,
                object_pairs_hook=Repeating.parse,
            )
        except RecursionError:
            raise exceptions.ParseError("The JSON is nested too deeply.") from None
        except ValueError as error:
            raise exceptions.ParseError(f"JSON parse error - {error}") from error
        if isinstance(data, Repeating):
            raise exceptions.ValidationError(
                {n: ["This key appears more than once."] for n in data.repeated}
            )
        return data


def _check_values(text: str) -> None:
    """Raise ParseError for more values than a body may have.

    Parsing many values delays everybody on this process and takes far more memory than their text.
    """
    most = limits()["body_values"]
    if text.count(",") + text.count("[") + text.count("{") <= most:
        return
    bare = STRING.sub("", text)
    if bare.count(",") + bare.count("[") + bare.count("{") > most:
        raise exceptions.ParseError(f"The JSON has more than {most} values.")
