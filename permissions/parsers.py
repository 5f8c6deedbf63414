"""How bytes become requests."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import exceptions, parsers
from rest_framework.utils.json import strict_constant

from tenants.strict import Repeating


class JSONParser(parsers.JSONParser):
    """JSON in UTF-8, whatever charset is told; its depth is the client's mistake, and its keys are
    unique."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            data = json.loads(
                stream.read().decode(),
                parse_constant=strict_constant,
                object_pairs_hook=Repeating.parse,
            )
        except RecursionError:
            raise exceptions.ParseError("The JSON is nested too deeply.") from None
        except ValueError as error:
            raise exceptions.ParseError(f"JSON parse error - {error}") from error
        if isinstance(data, Repeating):
            raise exceptions.ValidationError({n: ["Given more than once."] for n in data.repeated})
        return data
