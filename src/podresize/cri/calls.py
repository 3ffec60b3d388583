"""A call through the tap as a line of JSON, and what of its request is worth reading.

The lines are written by the tap's process and read by whoever watches one pod. A line is
``{"method", "began", "ended", "code", "message", "about"}``; times are seconds of
``CLOCK_MONOTONIC``, ``method`` is the bare name (``UpdateContainerResources``), ``about`` what the
request says of container, sandbox and resources.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from cri_api.v1 import api_pb2
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from podresize.cri.call import Call
from podresize.cri.client import linux_fields

# What is done to a container or a sandbox, and what is asked of one. Lists are of no one.
_ABOUT = ("container_id", "pod_sandbox_id")


def to_line(call: Call) -> str:
    """Return the line of a call, with its line's end."""
    record = {
        "method": call.method.rpartition("/")[2],
        "began": call.began,
        "ended": call.ended,
        "code": call.code,
        "message": call.message,
        "about": about(call.method, call.request),
    }
    return json.dumps(record) + "\n"


def about(method: str, request: bytes) -> dict[str, Any]:
    """Return ids and resources of a request; empty where it has none, or is no message of CRI.

    Resources are as a container's status has them (``RuntimeClient.container_status``): a field
    that is 0 cannot be told from one that was not sent.
    """
    kind = _requests().get(method)
    if kind is None:
        return {}
    try:
        message = kind.FromString(request)
    except DecodeError:
        return {}
    found: dict[str, Any] = {
        field: getattr(message, field) for field in _ABOUT if hasattr(message, field)
    }
    linux = getattr(message, "linux", None)
    if linux is not None:
        found["linux"] = linux_fields(linux)
    return found


@functools.cache
def _requests() -> dict[str, Any]:
    """Return the class of each method's request, by the method's full name."""
    return {
        f"/{service.full_name}/{method.name}": GetMessageClass(method.input_type)
        for service in api_pb2.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
