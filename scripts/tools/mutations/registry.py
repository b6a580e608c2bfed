"""Mutations of the registry: who serves, with which state, and what is pruned."""

from __future__ import annotations

from scripts.tools.mutations.mutation import mutation

__all__ = ["MUTATIONS"]

REGISTRY = "tests/integration/test_registry.py"
CONTRACT = "tests/integration/test_contract_moto.py"
TRAINING = "tests/unit/pipeline/test_training.py"

MODELS = "aws/registry/registry.py"
RECORDS = "aws/registry/records.py"
PRUNING = "aws/registry/pruning.py"

MUTATIONS = (
    mutation(
        "own-predecessor",
        "what serves, promoted again, becomes its own predecessor",
        MODELS,
        ("        if pointer.points_to == version:\n            return pointer\n", ""),
        tests=(REGISTRY,),
    ),
    mutation(
        "refused-predecessor",
        "what was refused serves again should its successor be",
        MODELS,
        ("(one for one in pointer.succession if one not in refused)", "(one for one in pointer.succession)"),
        tests=(REGISTRY,),
    ),
    mutation(
        "pointer-moves-blindly",
        "of two promotions at once the second wins unseen",
        RECORDS,
        (
            "item.counter == seen.counter if seen.counter else item.version.does_not_exist()",
            "item.version.exists() | item.version.does_not_exist()",
        ),
        tests=(CONTRACT,),
    ),
    mutation(
        "pruned-serves",
        "a version without bytes is promoted",
        RECORDS,
        (
            "            & item.pruned_at.does_not_exist()\n            & (item.expires_at",
            "            & (item.expires_at",
        ),
        tests=(REGISTRY,),
    ),
    mutation(
        "expired-serves",
        "a version that has expired is promoted",
        RECORDS,
        ("            & (item.expires_at.does_not_exist() | (item.expires_at > int(at.timestamp())))\n", ""),
        tests=(REGISTRY,),
    ),
    mutation(
        "champion-expires",
        "what serves is dropped from the table after a month",
        RECORDS,
        ("actions=[item.expires_at.remove()], condition=usable", "actions=[item.pruned_at.remove()], condition=usable"),
        tests=(REGISTRY,),
    ),
    mutation(
        "served-is-refused",
        "a version that has served is refused afterwards",
        RECORDS,
        (
            "item.expires_at.set(int(expires_at.timestamp()))],\n            item.expires_at.exists(),\n",
            "item.expires_at.set(int(expires_at.timestamp()))],\n            item.version.exists(),\n",
        ),
        tests=(REGISTRY,),
    ),
    mutation(
        "published-over-what-serves",
        "publishing again takes a version from service",
        RECORDS,
        (
            "item.version.does_not_exist() | (item.expires_at.exists() & item.pruned_at.does_not_exist())",
            "item.version.does_not_exist() | item.version.exists()",
        ),
        tests=(REGISTRY,),
    ),
    mutation(
        "bytes-unchecked",
        "bytes that are not those registered are parsed",
        "aws/registry/objects.py",
        ("        if found != sha256:\n", "        if not found:\n"),
        tests=(REGISTRY,),
    ),
    mutation(
        "state-goes-back",
        "an older state replaces a newer one",
        MODELS,
        ("            if state.through <= record.state_through:\n", "            if state.through < 0:\n"),
        tests=(REGISTRY,),
    ),
    mutation(
        "state-of-others-replaced",
        "of two verifiers the one that writes last wins",
        RECORDS,
        ("            item.state_sha256 == record.state_sha256,\n", "            item.version.exists(),\n"),
        tests=(REGISTRY,),
    ),
    mutation(
        "former-state-at-once",
        "a reader finds that the state whose name it has just read is gone",
        MODELS,
        (
            "        if (former := replaced.former_state) is not None and former not in named:\n",
            "        if (former := replaced.state_sha256) is not None and former != sha256:\n",
        ),
        tests=(REGISTRY,),
    ),
    mutation(
        "first-state-forgotten",
        "the state with which a version can be judged again is deleted",
        MODELS,
        ('named = {replaced.manifest["first_state_sha256"], replaced', "named = {replaced"),
        tests=(REGISTRY,),
    ),
    mutation(
        "damaged-state-refuses-the-model",
        "a damaged state takes its model from service, though its first state is whole",
        MODELS,
        ('if first in (record.state_sha256, "") or first_state or error.is_newer:', "if first_state or first:"),
        tests=("tests/integration/test_versions.py",),
    ),
    mutation(
        "rolled-back-to-the-broken",
        "a rollback leads to a version that cannot serve",
        MODELS,
        (
            "            if trouble is None:\n                target = version\n",
            "            if version:\n                target = version\n",
        ),
        tests=(REGISTRY,),
    ),
    mutation(
        "predecessor-is-pruned",
        "what would serve if the champion were refused is deleted",
        PRUNING,
        (
            "    kept = {pointer.points_to, pointer.previous, *served[:KEPT_SERVED]}\n",
            "    kept = {pointer.points_to}\n",
        ),
        tests=(REGISTRY,),
    ),
    mutation(
        "candidates-are-pruned",
        "what may yet come to serve is deleted",
        PRUNING,
        (
            'if record.standing(pointer) == "candidate" and not record.is_over(now)',
            "if record.is_over(now) and not now",
        ),
        tests=(REGISTRY,),
    ),
    mutation(
        "the-young-are-pruned",
        "a version that is being published is deleted",
        PRUNING,
        (" or trained_at(version) > now - UNTOUCHED:\n", ":\n"),
        tests=(REGISTRY,),
    ),
    mutation(
        "pruned-without-a-bar",
        "what comes to serve while others prune loses its bytes",
        PRUNING,
        (
            "and not record.pruned and not table.mark_pruned(house, version, at=now):\n",
            "and not record.pruned and not (table.mark_pruned(house, version, at=now) or kept):\n",
        ),
        tests=(REGISTRY,),
    ),
    mutation(
        "bar-without-a-look",
        "a version is barred from serving while it serves",
        RECORDS,
        ("condition=is_other(item.points_to) & is_other(item.previous)", "condition=item.version.exists()"),
        tests=(REGISTRY,),
    ),
    mutation(
        "damaged-is-pruned",
        "a version whose record a newer roomidity wrote, or which is damaged, loses its bytes",
        PRUNING,
        (
            "        if record is None and table.has(house, version):\n            continue",
            "        if record is None and not table:\n            continue",
        ),
        tests=(REGISTRY, "tests/integration/test_damaged_items.py", "tests/integration/test_versions.py"),
    ),
    mutation(
        "half-pruned-stays",
        "what was half pruned when a run ended is never pruned",
        PRUNING,
        (
            "and not record.pruned and not table.mark_pruned(house, version, at=now):",
            "and (record.pruned or not table.mark_pruned(house, version, at=now)):",
        ),
        tests=(REGISTRY,),
    ),
)
