"""Takes the stack's resources from serverless.yml, so that the local engine has exactly what is deployed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from roomidity.errors import EngineError

__all__ = ["checkout", "resolved", "template_of"]

_KINDS: Final = (
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
)
"""Resources that the handlers use. The laptop calls the handlers itself, without functions, schedules and roles."""


def checkout() -> Path:
    """Returns the folder of serverless.yml: the current one or a parent, else the one the package was installed from.

    Raises
    ------
    EngineError
        If there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).parents[2]):
        if (folder / "serverless.yml").is_file() and (folder / "handlers").is_dir():
            return folder
    raise EngineError("found no serverless.yml here or above; run this inside a checkout of roomidity")


def resolved(root: Path, *, stage: str, cache: Path) -> dict[str, Any]:
    """Returns serverless.yml with all variables resolved by the Serverless CLI.

    The result is cached until a file it is made of changes.

    Raises
    ------
    EngineError
        If Node or the CLI is missing, or if the file does not resolve.
    """
    made_of = [root / name for name in ("serverless.yml", "container/local-plugin.js", "package-lock.json")]
    made_of += sorted([*(root / "container").glob("*.yml"), *(root / "container/stack").glob("*.yml")])
    digest = hashlib.sha256(b"\0".join([stage.encode(), *(path.read_bytes() for path in made_of)])).hexdigest()[:16]
    kept = cache / f"serverless-{digest}.json"
    if kept.is_file():
        return dict(json.loads(kept.read_text()))
    cli = root / "node_modules" / ".bin" / "serverless"
    if not cli.exists() or shutil.which("node") is None:
        missing = "Node.js (20 or newer)" if shutil.which("node") is None else "the Serverless CLI"
        raise EngineError(
            f"the local engine takes its resources from serverless.yml, but {missing} is missing; run `npm ci`"
        )
    (cache / "home").mkdir(parents=True, exist_ok=True)
    printed = subprocess.run(  # noqa: S603  # our own pinned CLI
        [cli, "print", "--format", "json", "--stage", stage],
        cwd=root,
        env={**os.environ, "NODE_NO_WARNINGS": "1", "HOME": str(cache / "home")},  # for its compiled schema
        capture_output=True,
        text=True,
        check=False,
    )
    if printed.returncode:
        raise EngineError(f"serverless.yml does not resolve:\n{printed.stdout}{printed.stderr}")
    content = json.loads(printed.stdout)
    cache.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(content))
    return dict(content)


def template_of(content: Mapping[str, Any]) -> str:
    """Returns the CloudFormation template of the queues, tables and bucket as JSON."""
    resources = content["resources"]["Resources"]
    chosen = {name: resource for name, resource in resources.items() if resource["Type"] in _KINDS}
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": chosen})
