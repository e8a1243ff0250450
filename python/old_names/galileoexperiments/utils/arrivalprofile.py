"""Arrival profiles, from files to where workers read them."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from galileo import _gaps
from galileo.errors import UsageError

if TYPE_CHECKING:
    from galileo.worker.api import ClientDescription

# Workers of the original system die of a gap of 0.
_ALMOST_NOTHING = 1e-11


def clear_list(list_key: str, rds: Any) -> None:
    """Empties a client's profile."""
    rds.delete(list_key)


def read_profile(profile_path: str) -> list[float]:
    """The seconds between requests that a profile's file holds, none of them 0."""
    gaps = [gap or _ALMOST_NOTHING for gap in _gaps.read(profile_path)]
    if not gaps:
        raise UsageError(f"the profile {profile_path} is empty; nothing would be sent by it", "the profile is empty", profile_path)
    return gaps


def read_and_save_profile(profile_path: str, client_desc: ClientDescription, rds: Any) -> None:
    """Gives a client the profile of a file, in place of the one it has."""
    save_profile(read_profile(profile_path), client_desc, rds)


def save_profile(gaps: list[float], client_desc: ClientDescription, rds: Any) -> None:
    """Gives a client a profile, in place of the one it has."""
    clear_list(client_desc.client_id, rds)
    rds.lpush(client_desc.client_id, *gaps)
