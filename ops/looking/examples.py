"""Invented matches, such as FriendAI makes: what templates are tried with.  Pure."""

from __future__ import annotations

from typing import Final

from consumer.templates import FIELDS
from schemas.events import MatchCreated, match_from

TYPICAL: Final = match_from(
    {
        "match_id": "20261",
        "user_id": "wmSample",
        "intent_name": "寻找技术合伙人",
        "profile_name": "张三",
        "score": 0.85,
        "explanation": "张三完美匹配：具有十年人工智能研发经验，现居北京，"
        "曾参与两次创业，正在寻找新的合作机会。",
        "matched_conditions": ["包含关键词'AI'", "location符合'北京'", "position符合'技术总监'"],
        "company": "某某科技有限公司",
        "position": "技术总监",
        "location": "北京",
        "education": "硕士",
        "age": 35,
        "gender": "男",
        "marital_status": "已婚",
        "personality": "沉稳务实",
        "tags": ["AI", "创业", "技术管理"],
        "ai_summary": "资深技术负责人，熟悉机器学习与大模型应用。",
    }
)
"""A match as FriendAI's are: what a template is tried with."""

WORST: Final = dict.fromkeys(FIELDS, "国" * 500) | {
    "explanation": "国" * 4096,
    "score": "100",
    "n": "8",
    "count": "99",
    "match_id": "9" * 20,
}
"""The longest values that a message is ever made of."""


def sample(number: int) -> list[MatchCreated]:
    """Make so many typical matches, each of another contact."""
    names = ("张三", "李四", "王小明", "欧阳静", "陈晨", "赵敏", "刘伟", "孙悦", "周杰", "吴迪")
    scores = (0.92, 0.85, 0.81, 0.78, 0.9, 0.74, 0.88, 0.71, 0.83, 0.79)
    return [
        TYPICAL.model_copy(
            update={
                "match_id": str(20261 + nth),
                "profile_name": names[nth % len(names)],
                "score": scores[nth % len(scores)],
                "explanation": TYPICAL.explanation.replace("张三", names[nth % len(names)]),
            }
        )
        for nth in range(number)
    ]
