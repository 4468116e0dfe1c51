"""The room's tables, a file for each matter."""

from .accounts import AccessAccount, AccessPolicy, Allowance, BindingChange, EditedPlan, RadiusAttribute, RadiusLine
from .fields import is_mac, is_name_on_router, is_prefix6, is_rate, is_realm, is_username
from .logins import REASONS, LoginEntry, LoginGuess, RefusedLogin
from .routers import Nas, PoolAtNas, Pop, RouterEvent, RouterProbe, RouterReading
from .sessions import Drift, LineCommand, LiveSession, OfAccount, SessionHistory, show_octets, show_seconds

__all__ = [
    "REASONS",
    "AccessAccount",
    "AccessPolicy",
    "Allowance",
    "BindingChange",
    "Drift",
    "EditedPlan",
    "LineCommand",
    "LiveSession",
    "LoginEntry",
    "LoginGuess",
    "Nas",
    "OfAccount",
    "PoolAtNas",
    "Pop",
    "RadiusAttribute",
    "RadiusLine",
    "RefusedLogin",
    "RouterEvent",
    "RouterProbe",
    "RouterReading",
    "SessionHistory",
    "is_mac",
    "is_name_on_router",
    "is_prefix6",
    "is_rate",
    "is_realm",
    "is_username",
    "show_octets",
    "show_seconds",
]
