"""How fast the cgroups were really sampled: what a claim about "at no moment" rests on.

A host that is busy lets the sampler run late, and what was there for less than a gap was not seen.
So each timeline says what was reached between the patch and the end.
"""

from __future__ import annotations

from podresize.evidence.kernel_observers import Sampler

LEAST_HERTZ = 200.0
"""What a timeline must reach, a fifth below what the sampler is asked for."""


class SamplingMeter:
    """Measures a running sampler from its creation on."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        # The gaps before, while everything starts, are of no interest.
        sampler.forget_gaps()
        self._began = sampler.progress()

    def read(self) -> dict[str, float]:
        """Return ``hertz``, ``largest_gap`` and ``seconds`` since the beginning."""
        now = self._sampler.progress(after=self._began.at)
        seconds = now.at - self._began.at
        return {
            "hertz": round((now.samples - self._began.samples) / max(seconds, 1e-6), 1),
            "largest_gap": round(self._sampler.largest_gap_seconds, 4),
            "seconds": round(seconds, 3),
        }
