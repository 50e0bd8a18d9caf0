"""Whom to call is nobody's business; when, how much and which order is."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.contacts import mask_contacts, may_have_contacts

HIDDEN = {
    "电话13812345678。": "电话138****5678。",
    "手机号：138 1234 5678": "手机号：138 **** 5678",
    "请拨138-1234-5678": "请拨138-****-5678",
    "+86 13812345678": "+86 138****5678",
    "tel13812345678": "tel138****5678",
    "wx13812345678": "wx138****5678",
    "张13812345678,李13912345678": "张138****5678,李139****5678",
    "１３８１２３４５６７８": "１３８****５６７８",
    "微信13812345678": "微信138****5678",
    "021-12345678": "021-****5678",
    "0755-8888 6666": "0755-**** 6666",
    "400-123-4567": "400-***-4567",
    "身份证110101199003074477": "身份证110************477",
    "11010119900307109X": "110************09X",
    "微信号：abc_12345": "微信号：ab******5",
    "微信: zhangsan": "微信: zh*****n",
    "wx: hello_99": "wx: he*****9",
    "我的微信号是zhangsan99": "我的微信号是zh*******9",
    "wxid_abcdefghij123": "wxid_a***********3",
    "QQ：12345678": "QQ：12*****8",
    "a.b@example.com": "a**@example.com",
}
SHOWN = [
    "订单号13812345678",
    "单号：13812345678",
    "快递 13812345678",
    "Order no. 13812345678",
    "SN13812345678",
    "#13812345678",
    "20261122123456",
    "138123456789",
    "12812345678",
    "2026-11-22 10:00-12:00",
    "1998-2003",
    "13812345678元",
    "版本1.3812345678",
    "110101199003074478",
    "微信小程序 miniprogram",
    "微信支付 wechatpay",
    "@北京",
    "年薪 100-200 万",
]


@pytest.mark.parametrize(("text", "expected"), HIDDEN.items())
def test_contacts_are_hidden(text: str, expected: str) -> None:
    """Enough is left for who knows the number to know it again."""
    assert expected == mask_contacts(text)
    assert expected == mask_contacts(expected)


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_no_contact_stays(text: str) -> None:
    """Orders, dates, amounts, ids whose check digit is wrong, and words about WeChat."""
    assert text == mask_contacts(text)


@given(st.text() | st.lists(st.sampled_from([*HIDDEN, *SHOWN, "，", "\n", " "])).map("".join))
def test_a_masked_text_is_the_text_with_stars(text: str) -> None:
    """As many characters, and every one is the one that was there or a star."""
    masked = mask_contacts(text)

    assert len(masked) == len(text)
    assert all(after in {before, "*"} for before, after in zip(text, masked, strict=True))


@given(
    st.sampled_from("3456789"),
    st.integers(0, 10**9 - 1),
    st.sampled_from(["", "电话：", "他说", "（"]),
    st.sampled_from(["", "。", "）", "，找我"]),
)
def test_no_mobile_number_gets_through(second: str, rest: int, before: str, behind: str) -> None:
    """Whatever its digits, by itself or in a sentence."""
    number = f"1{second}{rest:09}"

    assert number not in mask_contacts(before + number + behind)


@given(st.dates().map(lambda day: f"{day:%Y-%m-%d}") | st.dates().map(lambda day: f"{day:%Y%m%d}"))
def test_no_date_is_taken_for_a_number(date: str) -> None:
    """With hyphens or without."""
    assert date == mask_contacts(f"{date}见面").removesuffix("见面")


@given(st.text(st.characters(exclude_characters="@＠微薇威VvQqWwｖｑｗ", exclude_categories=["Nd"])))
def test_the_glance_is_cheap_and_right(text: str) -> None:
    """Without a digit, an at sign or one of a few letters nothing is looked at twice."""
    assert not may_have_contacts(text)
    assert re.search(r"\d{5}", text) is None


@pytest.mark.parametrize(
    "text",
    [
        "微信号" + " " * 10_000,
        "QQ 号 " * 2_000,
        "1" * 10_000,
        "a." * 5_000,
        "a@" * 5_000,
        "138-" * 2_500,
        "138 1234 " * 1_100,
        "wx" * 5_000,
        "0755-" * 2_000,
        "单号：" * 3_000 + "13812345678",
    ],
)
def test_no_text_keeps_the_planner_busy(text: str) -> None:
    """The longest explanation there may be, of whatever a pattern likes best, takes milliseconds."""
    began = time.perf_counter()
    mask_contacts(text)

    assert time.perf_counter() - began < 1
