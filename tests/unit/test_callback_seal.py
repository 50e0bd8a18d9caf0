"""Who may call back: signed with a token of ours, readable with a key of ours, meant for our corp."""

import pytest

from producer.callback.crypto import decode_aes_key, encrypt, signature
from producer.callback.refusal import Cause, Refused
from producer.callback.seal import Seal, Signed
from tests.callbacks import AES_KEY, CHANCE, CORP, SEAL, TOKEN

OTHER_KEY = "kWxPEV2QE6N1q9oGNVb5XQCMO1XIQV0MPPkO5q5Fj5o"


def sealed(token: str = TOKEN, key: str = AES_KEY, corp: str = CORP) -> tuple[Signed, str]:
    """A letter with "hi" in it, as somebody with these would make it."""
    encrypted = encrypt(decode_aes_key(key), b"hi", corp, CHANCE)
    return Signed(signature(token, "1", "2", encrypted), "1", "2"), encrypted


def cause(seal: Seal, signed: Signed, encrypted: str) -> Cause:
    """Why it is refused."""
    with pytest.raises(Refused) as refused:
        seal.open(signed, encrypted)
    return refused.value.cause


def test_ours_is_opened() -> None:
    """Our token, our key, our corp."""
    assert SEAL.open(*sealed()) == b"hi"


def test_during_a_change_both_are_good() -> None:
    """Old and new tokens and keys, in any combination: WeChat does not change both at one instant."""
    both = Seal(CORP, ("old", "new"), (decode_aes_key(AES_KEY), decode_aes_key(OTHER_KEY)))

    for token in ("old", "new"):
        for key in (AES_KEY, OTHER_KEY):
            assert both.open(*sealed(token, key)) == b"hi"
    assert cause(both, *sealed("older")) is Cause.SIGNATURE


def test_what_is_not_signed_with_ours() -> None:
    """Another token, a letter altered after signing, a signature in capitals, cut, empty or not ASCII."""
    signed, encrypted = sealed()

    assert cause(SEAL, *sealed(token="another")) is Cause.SIGNATURE
    assert cause(SEAL, signed, "A" + encrypted[1:]) is Cause.SIGNATURE
    assert cause(SEAL, Signed(signed.msg_signature, "1", "3"), encrypted) is Cause.SIGNATURE
    for wrong in (signed.msg_signature.upper(), signed.msg_signature[:-1], "", "签" * 40):
        assert cause(SEAL, Signed(wrong, "1", "2"), encrypted) is Cause.SIGNATURE


def test_no_token_means_nobody() -> None:
    """A seal without tokens takes nothing, rather than everything."""
    assert cause(Seal(CORP, (), SEAL.keys), *sealed()) is Cause.SIGNATURE


def test_what_is_signed_and_not_readable() -> None:
    """Another key says so: the operator mistyped it."""
    assert cause(SEAL, *sealed(key=OTHER_KEY)) is Cause.KEY
    assert cause(SEAL, Signed(signature(TOKEN, "1", "2", "x"), "1", "2"), "x") is Cause.KEY


@pytest.mark.parametrize("corp", ["", "ww0000000000000000", CORP + "x", CORP.upper()])
def test_another_corp(corp: str) -> None:
    """A letter for somebody else is not ours, whoever signed it."""
    assert cause(SEAL, *sealed(corp=corp)) is Cause.CORP


def test_keys_are_not_shown() -> None:
    """A seal that gets into a log shows nothing."""
    assert TOKEN not in repr(SEAL)
