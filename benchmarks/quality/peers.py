"""What a peer finds in a folder of pictures, with its defaults: run in an environment of its own, which has no tilth.

    python peers.py cleanvision|imagededup|fastdup FOLDER OUT.json

OUT holds `version`, `seconds`, `flags` (kind -> names), `pairs` and, where the peer only ranks, `ranked` (kind -> names).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import types
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any


def cleanvision(folder: Path) -> dict[str, Any]:
    from cleanvision import Imagelab

    begun = time.perf_counter()
    lab = Imagelab(data_path=str(folder), verbose=False)
    lab.find_issues(n_jobs=1, verbose=False)  # its default, a process per core, took 1.5 to 2.5 times as long
    seconds = time.perf_counter() - begun
    issues = lab.issues
    names = [Path(index).name for index in issues.index]

    def flagged(kind: str) -> list[str]:
        return [name for name, is_ in zip(names, issues[f"is_{kind}_issue"], strict=True) if is_]

    kinds = {"blur": "blurry", "noise": "low_information", "static": "low_information", "dark": "dark", "bright": "light",
             "white": "light"}  # fmt: skip
    sets = [one for kind in ("exact_duplicates", "near_duplicates") for one in lab.info[kind]["sets"]]
    pairs = [tuple(Path(name).name for name in pair) for one in sets for pair in combinations(one, 2)]
    flags = {fault: flagged(kind) for fault, kind in kinds.items()}
    return {"seconds": seconds, "flags": flags, "pairs": pairs}


def imagededup(folder: Path) -> dict[str, Any]:
    _stand_in_for_torch()
    from imagededup.methods import PHash

    begun = time.perf_counter()
    found = PHash(verbose=False).find_duplicates(image_dir=str(folder))
    seconds = time.perf_counter() - begun
    pairs = {tuple(sorted((a, b))) for a, others in found.items() for b in others}
    return {"seconds": seconds, "flags": {}, "pairs": sorted(pairs)}


def _stand_in_for_torch() -> None:
    """imagededup imports torch and torchvision for its CNN; its hashes need neither."""

    class Anything(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {})

    names = ("torch", "torch.nn", "torch.utils", "torch.utils.data", "torchvision", "torchvision.models",
             "torchvision.transforms", "torchvision.transforms.transforms", "torchvision.models.vision_transformer")  # fmt: skip
    for name in names:
        sys.modules[name] = Anything(name)
        sys.modules[name].__path__ = []
    for parent, _, child in (name.rpartition(".") for name in names if "." in name):
        setattr(sys.modules[parent], child, sys.modules[f"{parent}.{child}"])


def fastdup(folder: Path) -> dict[str, Any]:
    os.environ["SENTRY_OPT_OUT"] = "1"
    os.environ["FASTDUP_PRODUCTION"] = "1"
    import fastdup as fd_module

    begun = time.perf_counter()
    work = tempfile.mkdtemp()
    fd = fd_module.create(work_dir=work, input_dir=str(folder))
    fd.run(print_summary=False)
    seconds = time.perf_counter() - begun
    stats = fd.img_stats()
    annotations = fd.annotations().set_index("index")["filename"] if "filename" not in stats else None

    def ordered(column: str, *, ascending: bool) -> list[str]:
        rows = stats.sort_values(column, ascending=ascending)
        names = rows["filename"] if annotations is None else annotations.loc[rows["index"]]
        return [Path(name).name for name in names]

    ranked = {"blur": ordered("blur", ascending=True), "dark": ordered("mean", ascending=True),
              "bright": ordered("mean", ascending=False), "white": ordered("mean", ascending=False)}  # fmt: skip
    outliers = fd.outliers()
    column = "filename_outlier" if "filename_outlier" in outliers else "filename"
    found = list(dict.fromkeys(Path(name).name for name in outliers[column]))
    components, _ = fd.connected_components()
    groups = components.groupby("component_id")["filename"].apply(list) if "filename" in components else []
    pairs = [tuple(Path(n).name for n in pair) for one in groups if len(one) > 1 for pair in combinations(one, 2)]
    return {"seconds": seconds, "flags": {"noise": found, "static": found}, "ranked": ranked, "pairs": pairs}


def main() -> None:
    tool, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    found = {"cleanvision": cleanvision, "imagededup": imagededup, "fastdup": fastdup}[tool](folder)
    out.write_text(json.dumps({"tool": tool, "version": version(tool), **found}))


if __name__ == "__main__":
    main()
