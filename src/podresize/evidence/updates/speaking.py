"""An update's claims of one requirement, with what every witness said beside them."""

from __future__ import annotations

import dataclasses

from podresize.evidence.claims import Claim
from podresize.evidence.updates.claims import CLAIMS
from podresize.evidence.updates.update import Update
from podresize.evidence.updates.witnesses import phrases
from podresize.requirements.runtime_target import RuntimeFingerprint


def claims_of(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> list[Claim]:
    """Return what a requirement of ``CLAIMS`` has to say of an update, none where it is nothing."""
    witnesses = phrases(update, fingerprint)
    return [
        dataclasses.replace(claim, witnesses=witnesses, update=update.number or None)
        for claim in CLAIMS[id_](id_, update, fingerprint)
    ]
