"""What the tests of bad input share."""

import pytest

import pinnsven as ps


def refused(error, words, make):
    """Check the class of an error, and that its message holds every one of `words`."""
    with pytest.raises(ps.PinnsvenError) as caught:
        make()
    assert type(caught.value) is error
    message = str(caught.value)
    for word in words:
        assert word in message, message
    # A full sentence that says more than what was given.
    assert len(message.split()) >= 8 and message.rstrip()[-1] in ".`", message


def cases(*rows):
    return pytest.mark.parametrize(
        ("error", "words", "make"), [pytest.param(*row, id=row[1][0]) for row in rows]
    )
