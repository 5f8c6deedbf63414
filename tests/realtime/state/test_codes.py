"""The codes are the contract's: numbers and names may not move."""

from realtime.state.codes import Close, Error


def test_close_codes_are_those_of_the_protocol() -> None:
    assert {code.name: int(code) for code in Close} == {
        "ENDED": 1000,
        "UNUSABLE": 4400,
        "CREDENTIALS": 4401,
        "FORBIDDEN": 4403,
        "TOO_SLOW": 4408,
        "TOO_BIG": 4413,
        "TOO_MANY": 4429,
        "SERVER_ERROR": 4500,
        "GOING_AWAY": 4503,
    }


def test_error_codes_are_those_of_the_protocol() -> None:
    assert {str(code) for code in Error} == {
        "not_found",
        "invalid",
        "too_many_subscriptions",
        "rate_limited",
        "unavailable",
    }
