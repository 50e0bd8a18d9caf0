"""Invented contacts, and the intents they fit: for the sample application and the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact who fits an intent."""

    name: str
    intent: str
    explanation: str
    condition: str
    score: float


CONTACTS: Final = (
    Contact("周以墨", "寻找技术合伙人", "做过两款 AI 教育产品，在北京，想再次创业", "包含关键词'AI'", 0.92),
    Contact("沈知夏", "寻找技术合伙人", "十年后端经验，刚离开一家支付公司", "包含关键词'后端'", 0.86),
    Contact("陆安然", "寻找产品设计师", "独立设计师，作品偏工具类，接受远程", "location符合'上海'", 0.91),
    Contact("韩小满", "寻找种子用户", "开了三家社区咖啡馆，愿意试用新工具", "包含关键词'门店'", 0.87),
    Contact("许南乔", "寻找投资人", "关注早期企业服务，最近在看 AI 方向", "包含关键词'早期'", 0.88),
    Contact("程一诺", "寻找技术合伙人", "机器学习工程师，开源项目维护者", "包含关键词'机器学习'", 0.90),
    Contact("唐晚舟", "寻找供应链伙伴", "在杭州做小批量包装，交期稳定", "location符合'杭州'", 0.89),
    Contact("叶清和", "寻找产品设计师", "做过医疗类小程序，熟悉适老化设计", "包含关键词'小程序'", 0.94),
    Contact("宋见山", "寻找投资人", "个人天使，投过两家客服工具公司", "包含关键词'客服'", 0.88),
    Contact("白若溪", "寻找种子用户", "运营一个八百人的创业者社群", "包含关键词'社群'", 0.93),
    Contact("江可望", "寻找供应链伙伴", "做过五年跨境仓储，熟悉华南工厂", "location符合'广州'", 0.86),
    Contact("顾青禾", "寻找产品设计师", "服务设计背景，带过六人团队", "包含关键词'服务设计'", 0.87),
)
