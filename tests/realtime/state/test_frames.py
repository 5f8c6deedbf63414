"""What goes to one audience, made once."""

from tests.realtime.pieces import frame


def test_update_text_is_made_once() -> None:
    f = frame(body='{"title":"T"}')
    assert f.update_text("7ab") == (
        '{"type":"UPDATE_DOCUMENT","model":"resources.document","id":"7ab",'
        '"audience":"viewer","etag":"viewer:{\\"title\\":\\"T\\"}","changed":["title"],'
        '"payload":{"title":"T"}}'
    )
    assert f.update_text("7ab") is f.update_text("7ab")
