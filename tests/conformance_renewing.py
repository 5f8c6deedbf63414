"""The part of the protocol's table that is about going on by another credential."""

from __future__ import annotations

from tests.conformance_words import DOCUMENT, invalid, once

NULL_TICKET = invalid("ticket: This field may not be null.")
NO_MODEL_HERE = invalid("model: Unknown key.")
FOREIGN_TICKET = "ticket: not a valid ticket of yours for this tenant."

RENEWING = (
    once("no ticket", '{"action":"renew"}', invalid("ticket: This field is required.")),
    once("null ticket", '{"action":"renew","ticket":null}', NULL_TICKET),
    once("number for a ticket", '{"action":"renew","ticket":5}', invalid("ticket: Invalid type.")),
    once("renewing an object", f'{{"action":"renew","ticket":"x",{DOCUMENT}}}', NO_MODEL_HERE),
    once("guessed ticket", '{"action":"renew","ticket":"x","ref":1}', invalid(FOREIGN_TICKET, "1")),
    once("empty ticket", '{"action":"renew","ticket":""}', invalid(FOREIGN_TICKET)),
)
